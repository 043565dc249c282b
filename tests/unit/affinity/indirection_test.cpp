// Keys and indirection tables.
#include <algorithm>
#include <numeric>
#include <stdexcept>

#include <gtest/gtest.h>

#include <vmq/steering.hpp>

#include "tests/unit/affinity/random_flows.hpp"

namespace vmq::steering {
namespace {

using Table = std::vector<std::uint16_t>;

std::vector<std::size_t> counts_of(const Table& table, std::size_t pairs) {
    std::vector<std::size_t> counts(pairs);
    for (const std::uint16_t pair : table) ++counts.at(pair);
    return counts;
}

std::vector<std::size_t> shares(std::size_t length, const std::vector<unsigned>& weights) {
    const Table table = weighted_table(length, weights);
    EXPECT_EQ(table.size(), length);
    EXPECT_TRUE(std::ranges::is_sorted(table));
    return counts_of(table, weights.size());
}

using Shares = std::vector<std::size_t>;

template <typename Call>
std::string why_refused(Call call) {
    try {
        static_cast<void>(call());
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "accepted";
}

TEST(Indirection, EqualTablesTakeThePairsInTurn) {
    EXPECT_EQ(equal_table(8, 3), (Table{0, 1, 2, 0, 1, 2, 0, 1}));
    EXPECT_EQ(equal_table(4, 1), (Table{0, 0, 0, 0}));
    EXPECT_EQ(equal_table(1, 1), (Table{0}));
    EXPECT_EQ(equal_table(2, 5), (Table{0, 1})) << "more pairs than entries";
    EXPECT_EQ(equal_table(65536, 32768).back(), 32767);
}

TEST(Indirection, WeightsGetTheirShares) {
    EXPECT_EQ(shares(8, {1, 1}), (Shares{4, 4}));
    EXPECT_EQ(shares(8, {3, 1}), (Shares{6, 2}));
    EXPECT_EQ(shares(8, {1, 0, 1}), (Shares{4, 0, 4}));
    EXPECT_EQ(shares(8, {7}), (Shares{8}));
    EXPECT_EQ(shares(128, {4294967295, 4294967295}), (Shares{64, 64})) << "sums do not overflow";
}

TEST(Indirection, TheLargestRemaindersAreRoundedUp) {
    EXPECT_EQ(shares(16, {5, 3, 2}), (Shares{8, 5, 3})) << "8, 4.8, 3.2";
    EXPECT_EQ(shares(8, {1, 1, 1}), (Shares{3, 3, 2})) << "ties go to the lower pair";
    EXPECT_EQ(shares(4, {4, 3, 3}), (Shares{2, 1, 1})) << "1.6, 1.2, 1.2";
}

TEST(Indirection, EveryWeightGetsAnEntryWhenThereAreEnough) {
    EXPECT_EQ(shares(8, {1000, 1, 1}), (Shares{6, 1, 1}));
    EXPECT_EQ(shares(4, {1, 1000, 0, 1, 1}), (Shares{1, 1, 0, 1, 1}));
    EXPECT_EQ(shares(2, {1, 3, 3}), (Shares{0, 1, 1})) << "there are not enough";
    EXPECT_EQ(shares(2, {3, 3, 1}), (Shares{1, 1, 0})) << "there are not enough";
}

TEST(Indirection, RandomWeightsKeepTheirPromises) {
    RandomFlows random(14);
    for (unsigned round = 0; round < 2000; ++round) {
        const std::size_t length = std::size_t{1} << random.number(10);
        std::vector<unsigned> weights(1 + random.number(20));
        for (unsigned& weight : weights) weight = random.number(4) == 0 ? 0 : random.number(100);
        const auto sum = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
        if (sum == 0) continue;
        const Shares got = shares(length, weights);
        const auto wanted = static_cast<std::size_t>(std::ranges::count_if(weights, [](unsigned w) { return w > 0; }));
        std::size_t lifted = 0;  // pairs whose part came to less than an entry
        for (const unsigned weight : weights) lifted += weight > 0 && length * weight < sum ? 1 : 0;
        for (std::size_t pair = 0; pair < weights.size(); ++pair) {
            const std::size_t part = length * weights[pair] / sum;
            EXPECT_TRUE(weights[pair] != 0 || got[pair] == 0);
            EXPECT_TRUE(weights[pair] == 0 || got[pair] != 0 || wanted > length);
            EXPECT_LE(got[pair], part + 1);
            EXPECT_GE(got[pair] + lifted, part);
        }
    }
}

TEST(Indirection, SenselessTablesAreRefusedAndNamed) {
    for (const std::size_t length : {std::size_t{0}, std::size_t{100}, std::size_t{131072}}) {
        const std::string name = "a table of " + std::to_string(length) + " entries";
        EXPECT_NE(why_refused([&] { return equal_table(length, 2); }).find("equal_table: " + name), std::string::npos);
        EXPECT_NE(why_refused([&] { return weighted_table(length, {1}); }).find("weighted_table: " + name),
                  std::string::npos);
    }
    EXPECT_NE(why_refused([] { return equal_table(8, 0); }).find("equal_table: 0 pairs"), std::string::npos);
    EXPECT_NE(why_refused([] { return equal_table(8, 32769); }).find("32769 pairs"), std::string::npos);
    EXPECT_NE(why_refused([] { return weighted_table(8, {}); }).find("weighted_table: 0 pairs"), std::string::npos);
    EXPECT_NE(why_refused([] { return weighted_table(8, {0, 0}); }).find("every weight is 0"), std::string::npos);
}

TEST(Indirection, KeysAreRepeatedToTheSizeWanted) {
    const auto key = default_key(40);
    EXPECT_EQ(key.front(), 0x6d);
    EXPECT_EQ(key.back(), 0xfa);
    auto longer = key;
    longer.insert(longer.end(), key.begin(), key.begin() + 12);
    EXPECT_EQ(default_key(52), longer);
    EXPECT_EQ(default_key(3), (std::vector<std::uint8_t>{0x6d, 0x5a, 0x56}));
    EXPECT_EQ(symmetric_key(5), (std::vector<std::uint8_t>{0x6d, 0x5a, 0x6d, 0x5a, 0x6d}));
    EXPECT_TRUE(symmetric_key(0).empty());
}

}  // namespace
}  // namespace vmq::steering
