// Notifications in both directions: event index arithmetic, flags, and the windows in which a wake-up could be lost.
#include <cstdint>
#define VIRTIO_RING_NO_LEGACY 1  // what it hides is not C++
#include <linux/virtio_ring.h>

#include <gtest/gtest.h>

#include "driver/virtio/split_ring.hpp"
#include "tests/unit/virtio/ring_device.hpp"

namespace vmq::virtio {
namespace {

TEST(EventReached, IsTheKernelsRuleForEveryDistance) {
    for (const unsigned old_idx : {0U, 1U, 0x7fffU, 0x8000U, 0xfff0U, 0xffffU}) {
        for (const unsigned step : {1U, 2U, 16U, 0x7fffU, 0x8000U}) {
            const auto from = static_cast<std::uint16_t>(old_idx);
            const auto to = static_cast<std::uint16_t>(old_idx + step);
            for (unsigned event = 0; event <= 0xffff; ++event) {
                const auto at = static_cast<std::uint16_t>(event);
                ASSERT_EQ(event_reached(at, from, to), vring_need_event(at, to, from) != 0) << event;
            }
        }
    }
}

TEST(EventReached, HoldsFromTheOldIndexToJustBeforeTheNew) {
    EXPECT_FALSE(event_reached(9, 10, 12));
    EXPECT_TRUE(event_reached(10, 10, 12));
    EXPECT_TRUE(event_reached(11, 10, 12));
    EXPECT_FALSE(event_reached(12, 10, 12));
    EXPECT_FALSE(event_reached(10, 10, 10));
    EXPECT_TRUE(event_reached(0xffff, 0xfffe, 1));
    EXPECT_TRUE(event_reached(0, 0xfffe, 1));
    EXPECT_FALSE(event_reached(1, 0xfffe, 1));
}

class SplitRingNotifyTest : public testing::TestWithParam<unsigned> {
protected:
    [[nodiscard]] static std::uint16_t idx(unsigned offset) { return static_cast<std::uint16_t>(GetParam() + offset); }
    static bool publish(RingPair& pair, int buffers) {
        for (int i = 0; i < buffers; ++i) pair.ring.add_writable({Iova{0x1000}, 64});
        return pair.ring.publish();
    }
    RingPair events_{16, true, idx(0)};
    RingPair flags_{16, false, idx(0)};
};

TEST_P(SplitRingNotifyTest, TheDoorbellFollowsAvailEvent) {
    events_.device.set_avail_event(idx(2));
    EXPECT_FALSE(publish(events_, 2));  // idx reached 2, not passed it
    EXPECT_TRUE(publish(events_, 1));
    EXPECT_FALSE(publish(events_, 3));  // passed long ago
    events_.device.set_avail_event(idx(8));
    EXPECT_TRUE(publish(events_, 4));  // in the middle of a burst
    events_.device.set_avail_event(idx(9));
    EXPECT_FALSE(publish(events_, 1));  // the end of the burst before
}

TEST_P(SplitRingNotifyTest, WithEventIdxTheFlagsAreIgnored) {
    events_.device.set_no_notify(true);
    events_.device.set_avail_event(idx(0));
    EXPECT_TRUE(publish(events_, 1));
    events_.device.set_no_notify(false);
    EXPECT_FALSE(publish(events_, 1));
}

TEST_P(SplitRingNotifyTest, TheDoorbellFollowsTheFlag) {
    EXPECT_TRUE(publish(flags_, 1));
    flags_.device.set_no_notify(true);
    EXPECT_FALSE(publish(flags_, 1));
    flags_.device.set_avail_event(idx(2));  // must be ignored
    EXPECT_FALSE(publish(flags_, 1));
    flags_.device.set_no_notify(false);
    EXPECT_TRUE(publish(flags_, 1));
}

TEST_P(SplitRingNotifyTest, NothingStagedMeansNoDoorbell) {
    events_.device.set_avail_event(idx(0));
    EXPECT_FALSE(events_.ring.publish());
    EXPECT_FALSE(flags_.ring.publish());
}

TEST_P(SplitRingNotifyTest, ArmingBringsOneInterruptAtTheNextUsedBuffer) {
    for (RingPair* pair : {&events_, &flags_}) {
        (void)publish(*pair, 4);
        EXPECT_FALSE(pair->device.use_one(*pair->device.take(), 0));
        EXPECT_EQ(pair->take_all().size(), 1U);
        EXPECT_TRUE(pair->ring.arm());
        EXPECT_EQ(pair->device.avail_flags(), 0);
        EXPECT_TRUE(pair->device.use_one(*pair->device.take(), 0));
    }
    EXPECT_FALSE(events_.device.use_one(*events_.device.take(), 0));  // one was enough
}

TEST_P(SplitRingNotifyTest, ArmingSeesWhatWasUsedBeforeIt) {
    for (RingPair* pair : {&events_, &flags_}) {
        (void)publish(*pair, 2);
        // The driver has looked and found nothing; the device uses a buffer and sees no wish for an interrupt.
        EXPECT_TRUE(pair->take_all().empty());
        EXPECT_FALSE(pair->device.use_one(*pair->device.take(), 0));
        EXPECT_FALSE(pair->ring.arm());
        EXPECT_EQ(pair->take_all().size(), 1U);
        EXPECT_TRUE(pair->ring.arm());
    }
}

TEST_P(SplitRingNotifyTest, ArmingSeesWhatABurstLeftBehind) {
    for (RingPair* pair : {&events_, &flags_}) {
        (void)publish(*pair, 2);
        pair->device.use(*pair->device.take(), 0);
        pair->device.use(*pair->device.take(), 0);
        pair->device.publish();
        Used one;
        EXPECT_EQ(pair->ring.take_used({&one, 1}), 1U);
        EXPECT_FALSE(pair->ring.arm());
    }
}

TEST_P(SplitRingNotifyTest, DisarmedIsQuietUntilTheIndexHasGoneRound) {
    for (RingPair* pair : {&events_, &flags_}) {
        EXPECT_TRUE(pair->ring.arm());
        pair->ring.disarm();
        EXPECT_EQ(pair->device.avail_flags(), pair == &events_ ? 0 : available_flags::no_interrupt);
        for (unsigned i = 0; i < 0xffff - 16; ++i) {
            (void)publish(*pair, 1);
            ASSERT_FALSE(pair->device.use_one(*pair->device.take(), 0)) << i;
            ASSERT_EQ(pair->take_all().size(), 1U);
        }
    }
}

// The device has used buffers that the driver has already taken, but it decides about the interrupt only now.
TEST_P(SplitRingNotifyTest, DisarmingIsNotOvertakenByADeviceThatDecidesLate) {
    (void)publish(events_, 16);
    for (int i = 0; i < 16; ++i) events_.device.use(*events_.device.take(), 0);
    events_.device.set_used_idx(events_.device.used_idx());
    EXPECT_EQ(events_.take_all().size(), 16U);
    EXPECT_TRUE(events_.ring.arm());
    events_.ring.disarm();
    EXPECT_FALSE(events_.device.publish());
}

TEST_P(SplitRingNotifyTest, ABrokenRingCanBeArmed) {
    events_.device.use_one(0, 0);
    EXPECT_TRUE(events_.take_all().empty());
    EXPECT_EQ(events_.ring.fault(), RingFault::index_jump);
    EXPECT_TRUE(events_.ring.arm());  // no buffer to come back for: a sleeper is not sent round in circles
}

INSTANTIATE_TEST_SUITE_P(Starts, SplitRingNotifyTest, testing::Values(0U, 0xfff0U, 0xffffU, 0xfffdU),
                         [](const auto& test) { return "From" + std::to_string(test.param); });

}  // namespace
}  // namespace vmq::virtio
