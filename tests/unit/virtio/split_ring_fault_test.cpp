// What only a split ring's device can break: the used index, and the upper half of an id.
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "driver/virtio/split_ring.hpp"
#include "tests/unit/virtio/ring_device.hpp"

namespace vmq::virtio {
namespace {

class SplitRingFaultTest : public testing::TestWithParam<unsigned> {
protected:
    using Pair = RingPair<SplitRing>;
    [[nodiscard]] static Pair make(bool in_order = false) {
        return {16, {.in_order = in_order, .event_idx = true}, static_cast<std::uint16_t>(GetParam())};
    }
    static void expect_broken(Pair& pair, RingFault fault) {
        for (const bool in_bursts : {false, true}) {
            pair.in_bursts = in_bursts;
            EXPECT_TRUE(pair.take_all().empty());
            EXPECT_EQ(pair.ring.fault(), fault);
            EXPECT_FALSE(pair.ring.has_used());
        }
    }
};

TEST_P(SplitRingFaultTest, AGoodIdWithHighBitsSet) {
    for (const std::uint32_t bits : {0x1'0000U, 0x8000'0000U, 0xffff'0000U}) {
        for (const bool in_bursts : {false, true}) {
            Pair pair = make();
            pair.in_bursts = in_bursts;
            const auto ids = pair.offer(2);
            pair.device.use_id(ids[0], 0);
            pair.device.use_id(ids[1] | bits, 0);
            pair.device.publish();
            EXPECT_EQ(pair.take_all().size(), 1U);
            expect_broken(pair, RingFault::id_out_of_range);
            EXPECT_EQ(pair.ring.slots().free(), 15U);
        }
    }
}

TEST_P(SplitRingFaultTest, AReaderSeesHighBitsToo) {
    Pair pair = make();
    // To the ring's start, so that both lie in one run.
    for (const std::uint16_t id : pair.offer(pair.ring.slots().to_end(pair.ring.slots().staged)))
        pair.device.use_id(id, 0);
    pair.device.publish();
    (void)pair.take_all();
    const auto ids = pair.offer(2);
    pair.device.use_id(ids[0], 0);
    pair.device.use_id(ids[1] | 0x8000'0000U, 0);
    pair.device.publish();
    ASSERT_EQ(used_run(pair.ring, 16), 2U);
    std::vector<Used> in_step;
    pair.take_in_step(in_step);
    EXPECT_EQ(in_step.size(), 1U);
}

TEST_P(SplitRingFaultTest, AnIndexThatJumpsAnywhere) {
    for (const unsigned jump : {5U, 16U, 17U, 0x7fffU, 0x8000U, 0xfffeU, 0xffffU}) {
        for (const bool in_order : {false, true}) {
            Pair pair = make(in_order);
            (void)pair.offer(4);
            pair.device.set_used_idx(static_cast<std::uint16_t>(GetParam() + jump));
            EXPECT_TRUE(pair.ring.has_used());
            expect_broken(pair, RingFault::index_jump);
            EXPECT_EQ(pair.ring.slots().free(), 12U) << jump;
        }
    }
}

TEST_P(SplitRingFaultTest, ARunSeesTheJumpItself) {
    Pair pair = make();
    (void)pair.offer(4);
    pair.device.set_used_idx(static_cast<std::uint16_t>(GetParam() + 5));
    EXPECT_EQ(used_run(pair.ring, 16), 0U);
    expect_broken(pair, RingFault::index_jump);
}

TEST_P(SplitRingFaultTest, AnIndexAheadByWhatIsOnlyStaged) {
    Pair pair = make();
    auto ids = pair.offer(4);
    ids.push_back(pair.stage(1)[0]);
    for (const std::uint16_t id : ids) pair.device.use_id(id, 0);
    pair.device.publish();
    expect_broken(pair, RingFault::index_jump);
}

// A chain of three is one buffer.
TEST_P(SplitRingFaultTest, AnIndexAheadByTheDescriptorsOfAChain) {
    const std::array three{Segment{Iova{0x1000}, 1}, Segment{Iova{0x2000}, 1}, Segment{Iova{0x3000}, 1}};
    Pair pair = make();
    pair.device.use_id(pair.ring.add_chain(three, {}), 0);
    (void)pair.ring.publish();
    pair.device.set_used_idx(static_cast<std::uint16_t>(GetParam() + 2));
    expect_broken(pair, RingFault::index_jump);
}

TEST_P(SplitRingFaultTest, AnIndexThatGoesBack) {
    Pair pair = make();
    pair.device.use_id(pair.offer(4)[0], 0);
    pair.device.publish();
    EXPECT_EQ(pair.take_all().size(), 1U);
    pair.device.set_used_idx(static_cast<std::uint16_t>(pair.device.used_idx() - 1));
    expect_broken(pair, RingFault::index_jump);
}

TEST_P(SplitRingFaultTest, AnIndexBeforeAnythingWasOffered) {
    Pair pair = make();
    pair.device.use_id(0, 0);
    pair.device.publish();
    expect_broken(pair, RingFault::index_jump);
}

// A batch that reaches further than the index counts: what is counted comes back, the rest once it is counted.
TEST_P(SplitRingFaultTest, ABatchIsTakenAsFarAsTheIndexCounts) {
    Pair pair = make(true);
    const auto ids = pair.offer(6);
    pair.device.use_id(ids[4], 0);
    pair.device.publish();
    EXPECT_EQ(pair.take_all().size(), 1U);
    EXPECT_FALSE(pair.ring.has_used());
    EXPECT_EQ(pair.ring.fault(), RingFault::none);
    pair.device.set_used_idx(static_cast<std::uint16_t>(GetParam() + 5));
    EXPECT_EQ(pair.take_all().size(), 4U);
    EXPECT_EQ(pair.ring.slots().free(), 15U);
    pair.device.set_used_idx(static_cast<std::uint16_t>(GetParam() + 7));
    expect_broken(pair, RingFault::index_jump);
}

INSTANTIATE_TEST_SUITE_P(Starts, SplitRingFaultTest, testing::Values(0U, 0xfff0U, 0xfffcU),
                         [](const auto& test) { return "From" + std::to_string(test.param); });

}  // namespace
}  // namespace vmq::virtio
