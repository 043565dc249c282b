// The I/O address allocator: ranges, holes, alignment, exhaustion, giving back.
#include "driver/vfio/iova_allocator.hpp"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace vmq::vfio {

namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t huge = std::uint64_t{2} << 20;
constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;
constexpr IovaRange bits39{0, (std::uint64_t{1} << 39) - 1};

IovaAllocator over(std::vector<IovaRange> usable, std::uint64_t granule = page) { return {usable, granule}; }

}  // namespace

TEST(IovaAllocator, StartsLowButNeverAtZero) {
    auto addresses = over({bits39});
    EXPECT_EQ(addresses.allocate(1, 1), page);
    EXPECT_EQ(addresses.allocate(page, page), 2 * page);
}

TEST(IovaAllocator, RoundsSizesUpToTheGranule) {
    auto addresses = over({bits39}, 65536);
    EXPECT_EQ(addresses.allocate(1, 1), 65536u);
    EXPECT_EQ(addresses.allocate(65537, 1), 2 * 65536u);
    EXPECT_EQ(addresses.allocate(1, 1), 4 * 65536u);
}

TEST(IovaAllocator, AlignsAndUsesTheGapLater) {
    auto addresses = over({bits39});
    EXPECT_EQ(addresses.allocate(huge, huge), huge);
    EXPECT_EQ(addresses.allocate(page, page), page);
    EXPECT_EQ(addresses.allocate(huge, huge), 2 * huge);
}

TEST(IovaAllocator, StaysInside39Bits) {
    auto addresses = over({bits39});
    std::uint64_t total = 0;
    while (const auto iova = addresses.allocate(gibibyte, huge)) {
        EXPECT_LE(*iova + gibibyte - 1, bits39.last);
        total += gibibyte;
    }
    // All but what the first page and the MSI window make unusable for pieces of this size.
    EXPECT_GE(total, 510 * gibibyte);
    EXPECT_EQ(addresses.allocate(gibibyte, huge), std::nullopt);
}

TEST(IovaAllocator, KeepsAwayFromTheMsiWindow) {
    auto addresses = over({{msi_window.first - 4 * page, msi_window.last + 4 * page}});
    std::vector<std::uint64_t> got;
    while (const auto iova = addresses.allocate(page, page)) got.push_back(*iova);
    ASSERT_EQ(got.size(), 8u);
    EXPECT_EQ(got[3], msi_window.first - page);
    EXPECT_EQ(got[4], msi_window.last + 1);
}

TEST(IovaAllocator, WorksAroundHoles) {
    auto addresses = over({{0x10000, 0x13fff}, {0x20000, 0x27fff}});
    EXPECT_EQ(addresses.allocate(5 * page, page), 0x20000u);
    EXPECT_EQ(addresses.allocate(4 * page, page), 0x10000u);
    EXPECT_EQ(addresses.largest_hole(), 3 * page);
    EXPECT_EQ(addresses.allocate(4 * page, page), std::nullopt);
    EXPECT_EQ(addresses.allocate(3 * page, page), 0x25000u);
    EXPECT_EQ(addresses.largest_hole(), 0u);
}

TEST(IovaAllocator, TrimsRangesInwardsToPages) {
    auto addresses = over({{0x10001, 0x12ffe}, {0x20010, 0x20fff}, {0x30000, 0x30ffe}});
    EXPECT_EQ(addresses.allocate(1, 1), 0x11000u);
    EXPECT_EQ(addresses.allocate(1, 1), std::nullopt);
}

TEST(IovaAllocator, TakesOverlappingAndAdjacentRangesAsOne) {
    auto addresses = over({{0x13000, 0x15fff}, {0x10000, 0x11fff}, {0x12000, 0x14fff}, {0x13000, 0x13fff}});
    EXPECT_EQ(addresses.allocate(6 * page, page), 0x10000u);
    EXPECT_EQ(addresses.allocate(1, 1), std::nullopt);
}

TEST(IovaAllocator, HandlesTheTopOfTheAddressSpace) {
    auto addresses = over({{~std::uint64_t{0} - 2 * page + 1, ~std::uint64_t{0}}});
    EXPECT_EQ(addresses.allocate(page, huge), std::nullopt);
    const auto low = addresses.allocate(page, page);
    const auto high = addresses.allocate(page, page);
    ASSERT_TRUE(low && high);
    EXPECT_EQ(*high, ~std::uint64_t{0} - page + 1);
    addresses.release(*high, page);
    addresses.release(*low, page);
    EXPECT_EQ(addresses.allocate(2 * page, page), low);
}

TEST(IovaAllocator, RefusesWhatCannotBe) {
    auto addresses = over({bits39});
    EXPECT_EQ(addresses.allocate(0, page), std::nullopt);
    EXPECT_EQ(addresses.allocate(std::uint64_t{1} << 39, page), std::nullopt);
    EXPECT_EQ(addresses.allocate(~std::uint64_t{0}, page), std::nullopt);
    EXPECT_EQ(over({}).allocate(page, page), std::nullopt);
}

TEST(IovaAllocator, MergesWhatIsGivenBackInAnyOrder) {
    for (const auto& order : std::vector<std::vector<int>>{{0, 1, 2}, {2, 1, 0}, {0, 2, 1}, {1, 0, 2}}) {
        auto addresses = over({{0x10000, 0x15fff}});
        std::vector<std::uint64_t> got;
        for (int i = 0; i < 3; ++i) got.push_back(addresses.allocate(2 * page, page).value());
        EXPECT_EQ(addresses.allocate(1, 1), std::nullopt);
        for (const int i : order) addresses.release(got[static_cast<std::size_t>(i)], 2 * page);
        EXPECT_EQ(addresses.allocate(6 * page, page), 0x10000u);
    }
}

// Many allocations and releases, watched by a list of who has what.
TEST(IovaAllocator, NeverGivesTheSameAddressTwice) {
    std::mt19937 random{39};
    auto addresses = over({{0, 0x1ffffff}, {0x4000000, 0x5ffffff}});
    std::vector<IovaRange> taken;
    for (int i = 0; i < 3000; ++i) {
        if (random() % 2 == 0 || taken.empty()) {
            const std::uint64_t size = page * (1 + random() % 64);
            const std::uint64_t alignment = page << (random() % 8);
            const auto iova = addresses.allocate(size, alignment);
            if (!iova) continue;
            const IovaRange got{*iova, *iova + size - 1};
            ASSERT_EQ(*iova % alignment, 0u);
            for (const auto& other : taken) ASSERT_TRUE(got.last < other.first || got.first > other.last);
            taken.push_back(got);
        } else {
            const std::size_t which = random() % taken.size();
            addresses.release(taken[which].first, taken[which].last - taken[which].first + 1);
            taken[which] = taken.back();
            taken.pop_back();
        }
    }
    for (const auto& range : taken) addresses.release(range.first, range.last - range.first + 1);
    EXPECT_EQ(addresses.largest_hole(), 0x2000000u);
}

}  // namespace vmq::vfio
