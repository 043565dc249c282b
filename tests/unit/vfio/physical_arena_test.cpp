// Blocks carved from runs of huge pages: sharing, nodes, and when a run goes.
#include "driver/vfio/physical_arena.hpp"

#include <gtest/gtest.h>

namespace vmq::vfio {

namespace {

constexpr std::size_t huge = std::size_t{2} << 20;

// Runs of a test's own: whole huge pages at made-up addresses, never touched.
class Arena : public testing::Test {
protected:
    DmaBuffer take(std::size_t size, int numa_node) {
        if (refusing_) throw std::bad_alloc{};
        asked_.push_back({size, numa_node});
        DmaBuffer run;
        run.size = (size + huge - 1) / huge * huge;
        run.iova = next_;
        run.data = reinterpret_cast<std::byte*>(next_ + 0x7000'0000'0000);
        run.owner = std::shared_ptr<const void>{&alive_, [this](const void*) { --alive_; }};
        ++alive_;
        next_ += 16 * run.size;
        return run;
    }

    struct Asked {
        std::size_t size;
        int numa_node;
        bool operator==(const Asked&) const = default;
    };
    std::vector<Asked> asked_;
    int alive_ = 0;
    bool refusing_ = false;
    std::uint64_t next_ = std::uint64_t{1} << 32;
    PhysicalArena arena_{[this](std::size_t size, int numa_node) { return take(size, numa_node); }};
};

}  // namespace

TEST_F(Arena, SmallBlocksShareARun) {
    const auto first = arena_.allocate(5000, -1);
    const auto second = arena_.allocate(100, -1);
    EXPECT_EQ(asked_, (std::vector<Asked>{{8192, -1}}));
    EXPECT_EQ(first.size, 8192u);
    EXPECT_EQ(second.size, 4096u);
    EXPECT_EQ(second.iova, first.iova + 8192);
    EXPECT_EQ(second.data, first.data + 8192) << "as far apart for the driver as for the device";
    EXPECT_TRUE(first.huge_pages);
}

TEST_F(Arena, ABlockIsOnePieceOfOneRun) {
    const auto small = arena_.allocate(4096, -1);
    const auto large = arena_.allocate(2 * huge - 4096, -1);
    EXPECT_EQ(asked_.size(), 2u) << "the first run has no room for it";
    const auto rest = arena_.allocate(4096, -1);
    EXPECT_EQ(asked_.size(), 2u);
    EXPECT_EQ(rest.iova, small.iova + 4096);
    EXPECT_EQ(large.data - small.data, static_cast<std::ptrdiff_t>(large.iova - small.iova));
}

TEST_F(Arena, EachNodeHasRunsOfItsOwn) {
    const auto first = arena_.allocate(4096, 0);
    const auto second = arena_.allocate(4096, 1);
    const auto third = arena_.allocate(4096, 1);
    EXPECT_EQ(asked_, (std::vector<Asked>{{4096, 0}, {4096, 1}}));
    EXPECT_EQ(third.iova, second.iova + 4096);
    EXPECT_EQ(arena_.allocate(4096, -1).iova, first.iova + 4096) << "any node will do";
}

TEST_F(Arena, ARunGoesWithItsLastBlock) {
    auto first = arena_.allocate(4096, -1);
    auto second = arena_.allocate(4096, -1);
    first = {};
    EXPECT_EQ(alive_, 1);
    second = {};
    EXPECT_EQ(alive_, 0);
    const auto third = arena_.allocate(4096, -1);
    EXPECT_EQ(asked_.size(), 2u);
    EXPECT_EQ(alive_, 1);
}

TEST_F(Arena, ADroppedBlockIsGivenOutAgain) {
    const auto keeper = arena_.allocate(4096, -1);
    auto gone = arena_.allocate(8192, -1);
    const auto address = gone.iova;
    gone = {};
    EXPECT_EQ(arena_.allocate(8192, -1).iova, address);
}

TEST_F(Arena, BlocksOutliveTheArena) {
    DmaBuffer block;
    {
        PhysicalArena arena{[this](std::size_t size, int numa_node) { return take(size, numa_node); }};
        block = arena.allocate(4096, -1);
    }
    EXPECT_EQ(alive_, 1);
    block = {};
    EXPECT_EQ(alive_, 0);
}

TEST_F(Arena, AFailureLeavesItAsItWas) {
    const auto first = arena_.allocate(4096, -1);
    refusing_ = true;
    EXPECT_THROW(static_cast<void>(arena_.allocate(huge, -1)), std::bad_alloc);
    EXPECT_EQ(arena_.allocate(4096, -1).iova, first.iova + 4096);
}

}  // namespace vmq::vfio
