// What only a split ring has: event indices and flags, and their arithmetic modulo 2^16.
#include <array>
#include <cstdint>
#include <string>
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

// 2.9: with NOTIFICATION_DATA it is the available index, all of its 16 bits.
TEST(SplitRingDoorbell, SaysTheAvailableIndex) {
    RingPair<SplitRing> pair{8, {}, 0xfffa};
    for (const unsigned expected : {0xfffdu, 0u, 3u, 6u}) {
        const auto before = pair.ring.position();
        (void)pair.stage(3);
        EXPECT_EQ(pair.ring.position(), before);
        (void)pair.ring.publish();
        EXPECT_EQ(pair.ring.position(), expected);
        for (const Available& buffer : pair.available()) pair.use_one(buffer);
        ASSERT_EQ(pair.take_all().size(), 3U);
    }
}

class SplitRingNotifyTest : public testing::TestWithParam<unsigned> {
protected:
    using Pair = RingPair<SplitRing>;
    [[nodiscard]] static std::uint16_t start() { return static_cast<std::uint16_t>(GetParam()); }
    static bool publish(Pair& pair, std::size_t buffers) {
        (void)pair.stage(buffers);
        return pair.ring.publish();
    }
    Pair events_{16, {.event_idx = true}, start()};
    Pair flags_{16, {}, start()};
};

TEST_P(SplitRingNotifyTest, WithEventIdxOnlyTheEventCounts) {
    events_.device.set_notifications(false);
    events_.device.ask_after(0);
    EXPECT_TRUE(publish(events_, 1));
    events_.device.set_notifications(true);
    EXPECT_FALSE(publish(events_, 1));
}

TEST_P(SplitRingNotifyTest, WithoutItOnlyTheFlagCounts) {
    flags_.device.set_notifications(false);
    flags_.device.ask_after(0);
    EXPECT_FALSE(publish(flags_, 1));
    flags_.device.set_notifications(true);
    EXPECT_TRUE(publish(flags_, 1));
}

TEST_P(SplitRingNotifyTest, TheEventCountsBuffersNotDescriptors) {
    const std::array three{Segment{Iova{0x1000}, 1}, Segment{Iova{0x2000}, 1}, Segment{Iova{0x3000}, 1}};
    events_.device.ask_after(2);
    for (const bool expected : {false, false, true, false}) {
        events_.ring.add_chain(three, {});
        EXPECT_EQ(events_.ring.publish(), expected);
    }
}

TEST_P(SplitRingNotifyTest, ArmingWritesTheFlagOrTheNextUsedIndex) {
    for (Pair* pair : {&events_, &flags_}) {
        for (const std::uint16_t id : pair->offer(3)) pair->device.use_id(id, 0);
        pair->device.publish();
        EXPECT_EQ(pair->take_all().size(), 3U);
        EXPECT_TRUE(pair->ring.arm());
        EXPECT_EQ(pair->device.avail_flags(), 0);
    }
    EXPECT_EQ(events_.device.used_event(), static_cast<std::uint16_t>(start() + 3));
    events_.ring.disarm();
    flags_.ring.disarm();
    EXPECT_EQ(events_.device.avail_flags(), 0);
    EXPECT_EQ(flags_.device.avail_flags(), available_flags::no_interrupt);
}

TEST_P(SplitRingNotifyTest, DisarmedIsQuietUntilTheIndexHasGoneRound) {
    for (Pair* pair : {&events_, &flags_}) {
        EXPECT_TRUE(pair->ring.arm());
        pair->ring.disarm();
        for (unsigned i = 0; i < 0xffff - 16; ++i) {
            pair->device.use_id(pair->offer(1)[0], 0);
            ASSERT_FALSE(pair->device.publish()) << i;
            ASSERT_EQ(pair->take_all().size(), 1U);
        }
    }
}

// The device has used buffers that the driver has already taken, but it decides about the interrupt only now.
TEST_P(SplitRingNotifyTest, DisarmingIsNotOvertakenByADeviceThatDecidesLate) {
    for (const std::uint16_t id : events_.offer(16)) events_.device.use_id(id, 0);
    events_.device.set_used_idx(events_.device.used_idx());
    EXPECT_EQ(events_.take_all().size(), 16U);
    EXPECT_TRUE(events_.ring.arm());
    events_.ring.disarm();
    EXPECT_FALSE(events_.device.publish());
}

INSTANTIATE_TEST_SUITE_P(Starts, SplitRingNotifyTest, testing::Values(0U, 0xfff0U, 0xffffU, 0xfffdU),
                         [](const auto& test) { return "From" + std::to_string(test.param); });

}  // namespace
}  // namespace vmq::virtio
