// What only a packed ring has: event suppression by ring offset and wrap counter, in every form and at every position.
// VIRTIO 1.3, 2.8.10.
#include <array>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "driver/virtio/packed_ring.hpp"
#include "tests/unit/virtio/packed_ring_device.hpp"

namespace vmq::virtio {
namespace {

using Pair = RingPair<PackedRing>;

bool publish(Pair& pair, std::size_t buffers) {
    (void)pair.stage(buffers);
    return pair.ring.publish();
}

// Every burst from every position against every event a device can write: it is due if one of the burst's descriptors
// has this offset and this counter.
TEST(PackedRingDoorbell, AgreesWithCountingForEveryBurstAndEveryEvent) {
    for (const std::uint16_t size : {std::uint16_t{1}, std::uint16_t{2}, std::uint16_t{8}}) {
        for (std::uint16_t start = 0; start < 4 * size; ++start) {
            for (std::uint32_t burst = 1; burst <= size; ++burst) {
                for (std::uint32_t event = 0; event < 2U * size; ++event) {
                    Pair pair{size, {.packed = true, .event_idx = true}, start};
                    const std::uint16_t desc = pair.device.offset_and_wrap(event);
                    pair.device.set_event(event_flags::desc, desc);
                    bool expected = false;
                    for (std::uint32_t i = 0; i < burst; ++i)
                        expected |= pair.device.offset_and_wrap(start + i) == desc;
                    ASSERT_EQ(publish(pair, burst), expected)
                        << "size " << size << ", from " << start << ", burst " << burst << ", event " << event;
                }
            }
        }
    }
}

TEST(PackedRingDoorbell, TheLastOffsetOfTheLargestRing) {
    for (const std::uint16_t start : {std::uint16_t{0x7ffe}, std::uint16_t{0xfffe}}) {
        for (const std::uint32_t event : {start - 1U, start + 0U, start + 1U, start + 2U, start + 3U}) {
            Pair pair{max_queue_size, {.packed = true, .event_idx = true}, start};
            pair.device.set_event(event_flags::desc, pair.device.offset_and_wrap(event));
            EXPECT_EQ(publish(pair, 3), event - start < 3U) << event;
        }
    }
}

// 2.9: next_off and next_wrap are where the next descriptor will be written, however long the chains before.
TEST(PackedRingDoorbell, SaysWhereTheNextDescriptorWillBe) {
    for (const std::uint16_t start : {std::uint16_t{0}, std::uint16_t{6}, std::uint16_t{8}, std::uint16_t{0xfffd}}) {
        Pair pair{8, {.packed = true}, start};
        std::uint32_t next = start;
        for (const std::size_t count : {1U, 3U, 2U, 5U, 8U, 4U}) {
            (void)pair.stage(count);
            EXPECT_EQ(pair.ring.position(), pair.device.offset_and_wrap(next)) << "before it is published";
            (void)pair.ring.publish();
            next += static_cast<std::uint32_t>(count);
            EXPECT_EQ(pair.ring.position(), pair.device.offset_and_wrap(next));
            for (const Available& buffer : pair.available()) pair.use_one(buffer);
            ASSERT_EQ(pair.take_all().size(), count);
        }
    }
}

TEST(PackedRingDoorbell, AnEventOutsideTheRingDoesNoHarm) {
    for (std::uint32_t desc = 0; desc <= 0xffff; desc += 5) {
        Pair pair{4, {.packed = true, .event_idx = true}, 6};
        pair.device.set_event(event_flags::desc, static_cast<std::uint16_t>(desc));
        (void)publish(pair, 3);
        ASSERT_EQ(pair.available().size(), 3U);
    }
}

class PackedRingNotifyTest : public testing::TestWithParam<std::uint16_t> {
protected:
    Pair events_{16, {.packed = true, .event_idx = true}, GetParam()};
    Pair flags_{16, {.packed = true}, GetParam()};
};

TEST_P(PackedRingNotifyTest, EnableAndDisableCountWithAndWithoutEventIdx) {
    for (Pair* pair : {&events_, &flags_}) {
        EXPECT_TRUE(publish(*pair, 1));
        for (const bool on : {false, true, false, false, true, true}) {
            pair->device.set_event(on ? event_flags::enable : event_flags::disable,
                                   pair->device.offset_and_wrap(pair->ring.slots().staged));
            EXPECT_EQ(publish(*pair, 2), on);
        }
    }
}

// 2.8.10: DESC is for devices that negotiated EVENT_IDX; from others it is no wish to be left alone.
TEST_P(PackedRingNotifyTest, WithoutEventIdxTheDescriptorIsIgnored) {
    flags_.device.set_event(event_flags::desc, flags_.device.offset_and_wrap(GetParam() + 5U));
    EXPECT_TRUE(publish(flags_, 1));
    EXPECT_TRUE(publish(flags_, 1));
}

TEST_P(PackedRingNotifyTest, TheEventCountsDescriptorsOfChains) {
    const std::array three{Segment{Iova{0x1000}, 1}, Segment{Iova{0x2000}, 1}, Segment{Iova{0x3000}, 1}};
    for (std::uint16_t ahead = 0; ahead < 12; ++ahead) {
        Pair pair{16, {.packed = true, .event_idx = true}, GetParam()};
        pair.device.ask_after(ahead);
        for (unsigned chain = 0; chain < 4; ++chain) {
            pair.ring.add_chain(three, {});
            EXPECT_EQ(pair.ring.publish(), chain == ahead / 3U);
        }
    }
}

TEST_P(PackedRingNotifyTest, ArmingWritesTheNextUsedDescriptorAndItsCounter) {
    for (std::uint32_t position = GetParam(); position < GetParam() + 50U; ++position) {
        EXPECT_TRUE(events_.ring.arm());
        EXPECT_EQ(events_.device.driver_event().flags.value(), event_flags::desc);
        EXPECT_EQ(events_.device.driver_event().desc.value(), events_.device.offset_and_wrap(position));
        EXPECT_TRUE(flags_.ring.arm());
        EXPECT_EQ(flags_.device.driver_event().flags.value(), event_flags::enable);
        for (Pair* pair : {&events_, &flags_}) {
            if (position % 3 == 0) pair->ring.disarm();
            EXPECT_EQ(pair->device.driver_event().flags.value() == event_flags::disable, position % 3 == 0);
            pair->device.use_id(pair->offer(1)[0], 0);
            EXPECT_EQ(pair->device.publish(), position % 3 != 0);
            ASSERT_EQ(pair->take_all().size(), 1U);
        }
    }
}

// Chains and stragglers: the next used descriptor is neither the oldest buffer's nor the count of buffers.
TEST_P(PackedRingNotifyTest, ArmingCountsTheDescriptorsOfUsedChains) {
    const std::array three{Segment{Iova{0x1000}, 1}, Segment{Iova{0x2000}, 1}, Segment{Iova{0x3000}, 1}};
    (void)events_.stage(1);
    events_.ring.add_chain(three, {});
    (void)events_.offer(1);
    const auto found = events_.available();
    ASSERT_EQ(found.size(), 3U);
    events_.use_one(found[1]);
    EXPECT_EQ(events_.take_all().size(), 1U);
    EXPECT_TRUE(events_.ring.arm());
    EXPECT_EQ(events_.device.driver_event().desc.value(), events_.device.offset_and_wrap(GetParam() + 3U));
    EXPECT_TRUE(events_.use_one(found[2]));
}

INSTANTIATE_TEST_SUITE_P(Starts, PackedRingNotifyTest, testing::Values<std::uint16_t>(0, 5, 14, 16, 31, 0xfff0, 0xffff),
                         [](const auto& test) { return "From" + std::to_string(test.param); });

}  // namespace
}  // namespace vmq::virtio
