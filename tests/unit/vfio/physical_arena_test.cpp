// Blocks carved from runs of huge pages: sharing, nodes, and when a run goes.
#include "driver/vfio/physical_arena.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace vmq::vfio {

namespace {

constexpr std::size_t huge = std::size_t{2} << 20;

// Runs of a test's own: whole huge pages at made-up addresses, never touched.
class Arena : public testing::Test {
protected:
    std::vector<DmaBuffer> take(const support::MemoryNeed& need) {
        if (refusing_) throw std::bad_alloc{};
        asked_.push_back({need.bytes(), need.numa_node});
        std::vector<DmaBuffer> runs;
        // Blocks that may lie apart get a page for each run.
        const std::size_t most = need.count == 1 ? need.size : huge;
        for (std::size_t left = need.bytes(); left > 0; left -= std::min(left, most))
            runs.push_back(run_of((std::min(left, most) + huge - 1) / huge * huge));
        return runs;
    }
    DmaBuffer run_of(std::size_t size) {
        DmaBuffer run;
        run.size = size;
        run.iova = next_;
        run.data = reinterpret_cast<std::byte*>(next_ + 0x7000'0000'0000);
        run.owner = std::shared_ptr<const void>{&alive_, [this](const void*) { --alive_; }};
        ++alive_;
        next_ += 16 * run.size;
        return run;
    }
    DmaBuffer one(std::size_t size, int numa_node) { return arena_.allocate({size, numa_node}).front(); }

    struct Asked {
        std::size_t size;
        int numa_node;
        bool operator==(const Asked&) const = default;
    };
    std::vector<Asked> asked_;
    int alive_ = 0;
    bool refusing_ = false;
    std::uint64_t next_ = std::uint64_t{1} << 32;
    PhysicalArena arena_{[this](const support::MemoryNeed& need) { return take(need); }};
};

}  // namespace

TEST_F(Arena, SmallBlocksShareARun) {
    const auto first = one(5000, -1);
    const auto second = one(100, -1);
    EXPECT_EQ(asked_, (std::vector<Asked>{{5000, -1}}));
    EXPECT_EQ(first.size, 8192u);
    EXPECT_EQ(second.size, 4096u);
    EXPECT_EQ(second.iova, first.iova + 8192);
    EXPECT_EQ(second.data, first.data + 8192) << "as far apart for the driver as for the device";
    EXPECT_TRUE(first.huge_pages);
}

TEST_F(Arena, ABlockIsOnePieceOfOneRun) {
    const auto small = one(4096, -1);
    const auto large = one(2 * huge - 4096, -1);
    EXPECT_EQ(asked_.size(), 2u) << "the first run has no room for it";
    const auto rest = one(4096, -1);
    EXPECT_EQ(asked_.size(), 2u);
    EXPECT_EQ(rest.iova, small.iova + 4096);
    EXPECT_EQ(large.data - small.data, static_cast<std::ptrdiff_t>(large.iova - small.iova));
}

TEST_F(Arena, BlocksThatMayLieApartFillEveryRun) {
    const auto pieces = arena_.allocate({9216, -1, 2 * 227 + 5});
    ASSERT_EQ(pieces.size(), 3u);
    EXPECT_EQ(pieces[0].size, 2'093'056u) << "227 of them, in whole pages";
    EXPECT_EQ(pieces[2].size, 49'152u) << "the five that were left";
    for (const DmaBuffer& piece : pieces)
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(piece.data) - piece.iova, 0x7000'0000'0000u);
    EXPECT_EQ(one(4096, -1).iova, pieces[0].iova + pieces[0].size) << "the rest of a run is for others";
    EXPECT_EQ(arena_.allocate({1024, -1, 4}).size(), 1u) << "in one piece where a run has room";
    EXPECT_EQ(asked_.size(), 1u);
}

TEST_F(Arena, EachNodeHasRunsOfItsOwn) {
    const auto first = one(4096, 0);
    const auto second = one(4096, 1);
    const auto third = one(4096, 1);
    EXPECT_EQ(asked_, (std::vector<Asked>{{4096, 0}, {4096, 1}}));
    EXPECT_EQ(third.iova, second.iova + 4096);
    EXPECT_EQ(one(4096, -1).iova, first.iova + 4096) << "any node will do";
}

TEST_F(Arena, ARunGoesWithItsLastBlock) {
    auto first = one(4096, -1);
    auto second = one(4096, -1);
    first = {};
    EXPECT_EQ(alive_, 1);
    second = {};
    EXPECT_EQ(alive_, 0);
    const auto third = one(4096, -1);
    EXPECT_EQ(asked_.size(), 2u);
    EXPECT_EQ(alive_, 1);
}

TEST_F(Arena, ADroppedBlockIsGivenOutAgain) {
    const auto keeper = one(4096, -1);
    auto gone = one(8192, -1);
    const auto address = gone.iova;
    gone = {};
    EXPECT_EQ(one(8192, -1).iova, address);
}

TEST_F(Arena, BlocksOutliveTheArena) {
    DmaBuffer block;
    {
        PhysicalArena arena{[this](const support::MemoryNeed& need) { return take(need); }};
        block = arena.allocate({4096, -1}).front();
    }
    EXPECT_EQ(alive_, 1);
    block = {};
    EXPECT_EQ(alive_, 0);
}

TEST_F(Arena, AFailureLeavesItAsItWas) {
    const auto first = one(4096, -1);
    refusing_ = true;
    EXPECT_THROW(static_cast<void>(one(huge, -1)), std::bad_alloc);
    EXPECT_EQ(one(4096, -1).iova, first.iova + 4096);
}

}  // namespace vmq::vfio
