// What allocating will take, computed beforehand.
#include "driver/vfio/memory_plan.hpp"

#include <gtest/gtest.h>

#include "driver/vfio/huge_pages.hpp"

namespace vmq::vfio {

namespace {

constexpr std::size_t pool = 2048 * 1984;  // the packet buffers of a pair
constexpr std::size_t rings = 40'000;
using Needs = std::vector<support::MemoryNeed>;

Needs pairs(std::size_t count, int nodes = 1) {
    Needs needs;
    for (std::size_t i = 0; i < count; ++i) needs.push_back({rings, static_cast<int>(i) % nodes});
    for (std::size_t i = 0; i < count; ++i) needs.push_back({pool, static_cast<int>(i) % nodes});
    return needs;
}

}  // namespace

TEST(MemoryPlan, MappedBlocksAreWholePagesAndAMappingEach) {
    const auto plan = plan_mapped(Needs{{1}, {4097}, {pool}}, HugePages::preferred, 4096, {});
    EXPECT_EQ(plan.locked, 4096u + 8192u + pool);
    EXPECT_EQ(plan.mappings, 3u);
    EXPECT_EQ(plan.of_2m, 0u);
    EXPECT_TRUE(plan.enough);
}

TEST(MemoryPlan, RequiredHugePagesAreCountedForLargeBlocksOnly) {
    const auto plan = plan_mapped(pairs(3), HugePages::required, 4096, {.of_2m = 6});
    EXPECT_EQ(plan.of_2m, 6u);
    EXPECT_EQ(plan.locked, 3 * 40'960u + 6 * huge_2m);
    EXPECT_TRUE(plan.enough);
    const auto short_of = plan_mapped(pairs(3), HugePages::required, 4096, {.of_2m = 5});
    EXPECT_FALSE(short_of.enough);
    EXPECT_EQ(short_of.of_2m, 6u) << "the whole need, not what is missing";
}

TEST(MemoryPlan, PhysicalBlocksShareHugePages) {
    const auto plan = plan_physical(pairs(4), {.of_2m = 9});
    EXPECT_EQ(plan.of_2m, 1u + 4 * 2);
    EXPECT_EQ(plan.mappings, 5u);
    EXPECT_EQ(plan.locked, 9 * huge_2m);
    EXPECT_TRUE(plan.enough);
    EXPECT_FALSE(plan_physical(pairs(4), {.of_2m = 8}).enough);
    EXPECT_EQ(plan_physical(pairs(4), {}).of_2m, 9u);
}

TEST(MemoryPlan, BlocksThatMayLieApartAreCountedTogether) {
    const Needs needs{{.size = 1984, .count = 2048}};
    EXPECT_EQ(plan_mapped(needs, HugePages::preferred, 4096, {}).locked, pool);
    EXPECT_EQ(plan_mapped(needs, HugePages::preferred, 4096, {}).mappings, 1u);
    EXPECT_EQ(plan_physical(needs, {.of_2m = 2}).of_2m, 2u);
    EXPECT_FALSE(plan_physical(needs, {.of_2m = 1}).enough);
}

TEST(MemoryPlan, EveryNodeNeedsRingsOfItsOwn) {
    EXPECT_EQ(plan_physical(pairs(4, 2), {.of_2m = 100}).of_2m, 2u + 4 * 2);
}

TEST(MemoryPlan, PagesOf1GibAreUsedWhenThoseOf2MibRunOut) {
    const auto plan = plan_physical(pairs(4), {.of_2m = 1, .of_1g = 1});
    EXPECT_TRUE(plan.enough);
    EXPECT_EQ(plan.of_2m, 1u);
    EXPECT_EQ(plan.locked, huge_2m + huge_1g) << "all four pools are in the one large page";
}

TEST(MemoryPlan, VeryLargeBlocksTakePagesOf1GibFirst) {
    const auto plan = plan_mapped(Needs{{huge_1g}}, HugePages::required, 4096, {.of_2m = 1000, .of_1g = 1});
    EXPECT_EQ(plan.of_2m, 0u);
    EXPECT_EQ(plan_mapped(Needs{{huge_1g}}, HugePages::required, 4096, {.of_2m = 1000}).of_2m, 512u);
}

}  // namespace vmq::vfio
