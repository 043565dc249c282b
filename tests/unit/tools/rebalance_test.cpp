// What `mqctl rss auto` moves.
#include "tools/mqctl/rebalance.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "tools/common/skew.hpp"

namespace vmq::mqctl {
namespace {

using Table = std::vector<std::uint16_t>;
using Packets = std::vector<std::uint64_t>;

std::ptrdiff_t entries(const Table& table, std::uint16_t pair) { return std::count(table.begin(), table.end(), pair); }

using tools::skew;

TEST(Skew, IsTheBusiestOverTheMean) {
    EXPECT_DOUBLE_EQ(skew({100, 100}), 1.0);
    EXPECT_DOUBLE_EQ(skew({300, 100, 100, 100}), 2.0);
    EXPECT_DOUBLE_EQ(skew({0, 0}), 1.0);
    EXPECT_DOUBLE_EQ(skew({}), 1.0);
}

TEST(Rebalance, WithinTheBoundNothingMoves) {
    const Table table{0, 1, 0, 1};
    EXPECT_EQ(rebalanced(table, {105, 95}, 8), table);
    EXPECT_EQ(rebalanced(table, {0, 0}, 8), table);
}

TEST(Rebalance, EntriesGoFromTheBusiestToTheIdlest) {
    Table table(64, 0);
    std::fill(table.begin() + 32, table.begin() + 48, std::uint16_t{1});
    std::fill(table.begin() + 48, table.end(), std::uint16_t{2});
    const Table moved = rebalanced(table, {600, 200, 100}, 5);
    EXPECT_EQ(entries(moved, 0), 27);
    EXPECT_EQ(entries(moved, 1), 16);
    EXPECT_EQ(entries(moved, 2), 21);
}

TEST(Rebalance, NoMoreMovesThanAllowedAndNoneBeyondTheBound) {
    const Table table(128, 0);
    const Table one = rebalanced(table, {1000, 0}, 1);
    EXPECT_EQ(entries(one, 1), 1);
    const Table all = rebalanced(table, {1000, 0}, 1000);
    EXPECT_GE(entries(all, 1), 57);  // 45 % of 128 entries: within 10 % of the mean
    EXPECT_LE(entries(all, 1), 64);
}

TEST(Rebalance, APairKeepsItsLastEntry) {
    const Table table{0, 1, 1, 1};
    EXPECT_EQ(rebalanced(table, {1000, 10}, 8), table) << "one heavy flow cannot be split";
}

TEST(Rebalance, RepeatedOnTrueLoadsItComesWithinTheBound) {
    Table table(128);
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<std::uint16_t>(i % 4);
    Packets of_entry(128);
    for (std::size_t i = 0; i < of_entry.size(); ++i) of_entry[i] = 10 + (i % 4 == 2 ? 40 : 0) + i % 7;
    const auto loads = [&] {
        Packets sums(4);
        for (std::size_t i = 0; i < table.size(); ++i) sums[table[i]] += of_entry[i];
        return sums;
    };
    EXPECT_GT(skew(loads()), 1.8);
    unsigned rounds = 0;
    for (; rounds < 20; ++rounds) {
        const Table next = rebalanced(table, loads(), moves_at_once);
        if (next == table) break;
        table = next;
    }
    EXPECT_LE(skew(loads()), 1 + balance_bound);
    EXPECT_LT(rounds, 10u);
}

}  // namespace
}  // namespace vmq::mqctl
