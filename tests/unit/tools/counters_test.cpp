// Sums and differences of snapshots.
#include "tools/common/counters.hpp"

#include <gtest/gtest.h>

namespace vmq::tools {
namespace {

// Counter n of the list is `base` + n.
PairStats pair(unsigned index, std::uint64_t base) {
    PairStats result;
    result.pair = index;
    for (std::size_t i = 0; i < counters.size(); ++i) result.*counters[i].value = base + i;
    return result;
}

TEST(Counters, AreAllOfPairStats) {
    constexpr std::size_t words = (sizeof(PairStats) - sizeof(unsigned) - sizeof(PairState)) / sizeof(std::uint64_t);
    EXPECT_EQ(counters.size(), words);
    PairStats marks;
    for (const Counter& counter : counters) {
        EXPECT_EQ(marks.*counter.value, 0u) << counter.name << " is there twice";
        marks.*counter.value = 1;
    }
}

TEST(Sum, AddsEveryCounter) {
    Stats stats;
    stats.pairs = {pair(0, 100), pair(1, 1000)};
    const PairStats total = sum(stats);
    for (std::size_t i = 0; i < counters.size(); ++i)
        EXPECT_EQ(total.*counters[i].value, 1100 + 2 * i) << counters[i].name;
}

TEST(Difference, SubtractsEveryCounterAndKeepsTheLaterState) {
    Stats earlier, later;
    earlier.pairs = {pair(0, 100)};
    earlier.control_commands = 1;
    later.pairs = {pair(0, 150), pair(1, 7)};
    later.pairs[0].state = PairState::draining;
    later.control_commands = 3;
    const Stats result = difference(later, earlier);
    ASSERT_EQ(result.pairs.size(), 2u);
    for (std::size_t i = 0; i < counters.size(); ++i) {
        EXPECT_EQ(result.pairs[0].*counters[i].value, 50u) << counters[i].name;
        EXPECT_EQ(result.pairs[1].*counters[i].value, 7 + i) << counters[i].name;
    }
    EXPECT_EQ(result.pairs[0].state, PairState::draining);
    EXPECT_EQ(result.control_commands, 2u);
}

VectorStats vector(unsigned index, std::uint64_t sum, std::vector<std::uint64_t> kernel) {
    VectorStats result;
    result.vector = index;
    result.eventfd_sum = sum;
    result.kernel_counts = std::move(kernel);
    return result;
}

TEST(Difference, OfInterruptsFindsVectorsAndVcpusWhereverTheyStand) {
    const InterruptTable earlier{{0, 2}, {vector(5, 10, {1, 9}), vector(4, 1, {1, 0})}};
    const InterruptTable later{{0, 1, 2},
                               {vector(4, 4, {2, 1, 1}), vector(5, 25, {1, 5, 19}), vector(6, 3, {3, 0, 0})}};
    const InterruptTable result = difference(later, earlier);
    EXPECT_EQ(result.vectors[0].kernel_counts, (std::vector<std::uint64_t>{1, 1, 1}));
    EXPECT_EQ(result.vectors[0].eventfd_sum, 3u);
    EXPECT_EQ(result.vectors[1].kernel_counts, (std::vector<std::uint64_t>{0, 5, 10}));
    EXPECT_EQ(result.vectors[1].eventfd_sum, 15u);
    EXPECT_EQ(result.vectors[2].kernel_counts, (std::vector<std::uint64_t>{3, 0, 0}));
}

}  // namespace
}  // namespace vmq::tools
