// What only a packed ring's device can break: the descriptors themselves.
#include <array>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "driver/virtio/packed_ring.hpp"
#include "tests/unit/virtio/packed_ring_device.hpp"

namespace vmq::virtio {
namespace {

using Pair = RingPair<PackedRing>;

constexpr std::uint16_t both = packed_flags::avail | packed_flags::used;

TEST(PackedRingFault, WhatLooksUsedBeyondWhatWasPublishedIsNotLookedAt) {
    for (const bool in_bursts : {false, true}) {
        Pair pair{8, {.packed = true}, 0};
        pair.in_bursts = in_bursts;
        for (std::uint16_t i = 0; i < 8; ++i) pair.device.write_word(i, 0, i, both);
        EXPECT_FALSE(pair.ring.has_used());
        EXPECT_TRUE(pair.take_all().empty());
        (void)pair.offer(3);
        EXPECT_FALSE(pair.ring.has_used());
        for (std::uint16_t i = 0; i < 8; ++i) pair.device.write_word(i, 0, i, both);
        EXPECT_EQ(pair.take_all().size(), 3U);
        EXPECT_FALSE(pair.ring.has_used());
        EXPECT_EQ(used_run(pair.ring, 8), 0U);
        EXPECT_EQ(pair.ring.fault(), RingFault::none);
    }
}

// Used out of the ring's order: not seen until the descriptors before it are used.
TEST(PackedRingFault, AUsedDescriptorAheadOfTheNextIsNotLookedAt) {
    for (const bool in_bursts : {false, true}) {
        Pair pair{8, {.packed = true}, 0};
        pair.in_bursts = in_bursts;
        (void)pair.offer(3);
        pair.device.write_word(1, 0, 1, both);
        EXPECT_FALSE(pair.ring.has_used());
        EXPECT_TRUE(pair.take_all().empty());
        pair.device.write_word(0, 0, 0, both);
        EXPECT_EQ(pair.take_all().size(), 2U);
    }
}

// A device that marks descriptors used with the other lap's counter has not used them.
TEST(PackedRingFault, TheWrongWrapCounterMeansNotUsed) {
    for (const std::uint16_t start : {std::uint16_t{0}, std::uint16_t{8}}) {
        Pair pair{8, {.packed = true}, start};
        (void)pair.offer(2);
        pair.device.write_word(start, 0, 0, start == 0 ? 0 : both);
        EXPECT_FALSE(pair.ring.has_used());
        EXPECT_TRUE(pair.take_all().empty());
        for (const std::uint16_t one : {packed_flags::avail, packed_flags::used}) {
            pair.device.write_word(start, 0, 0, one);
            EXPECT_FALSE(pair.ring.has_used());
        }
        EXPECT_EQ(pair.ring.fault(), RingFault::none);
    }
}

// Only the used descriptor's own id counts, also where an older buffer's descriptor lies.
TEST(PackedRingFault, TheSlotOfAUsedDescriptorSaysNothing) {
    Pair pair{8, {.packed = true}, 0};
    (void)pair.offer(4);
    pair.device.write_word(0, 1, 3, both);
    pair.device.write_word(1, 2, 0, both);
    const auto used = pair.take_all();
    ASSERT_EQ(used.size(), 2U);
    EXPECT_EQ(used[0].id, 3);
    EXPECT_EQ(used[1].id, 0);
    EXPECT_EQ(pair.ring.slots().free(), 5U);
    pair.device.write_word(2, 0, 3, both);  // a second time
    EXPECT_TRUE(pair.take_all().empty());
    EXPECT_EQ(pair.ring.fault(), RingFault::id_not_outstanding);
}

// Counting in order stops before an id that cannot be the end of a batch; taking then tells the fault.
TEST(PackedRingFault, CountingStopsBeforeNonsense) {
    for (const std::uint16_t id : {std::uint16_t{6}, std::uint16_t{7}, std::uint16_t{1}, std::uint16_t{8},
                                   std::uint16_t{0x8004}, std::uint16_t{0xffff}}) {
        Pair pair{8, {.packed = true, .in_order = true}, 0};
        (void)pair.offer(6);
        pair.device.write_word(0, 0, 1, both);  // a batch of two
        pair.device.write_word(2, 0, id, both);
        const std::uint32_t run = used_run(pair.ring, 8);
        ASSERT_EQ(run, 6U);
        EXPECT_EQ(pair.ring.count_in_order(run), 2U) << id;
        EXPECT_EQ(pair.ring.count_in_order(1), 0U);  // less than the batch
        pair.ring.retire(2);
        EXPECT_TRUE(pair.take_all().empty());
        EXPECT_EQ(pair.ring.fault(), id < 8 ? RingFault::id_not_outstanding : RingFault::id_out_of_range);
        EXPECT_EQ(pair.ring.slots().free(), 4U);
    }
}

// Whatever a device writes wherever it likes, the ring hands out only ids that were offered, each once.
TEST(PackedRingFault, RandomDescriptorsNeverBreakTheCount) {
    std::uint32_t random = 99;
    const auto next = [&random](std::uint32_t below) {
        random = random * 1664525U + 1013904223U;
        return (random >> 8) % below;
    };
    std::size_t returned = 0;
    std::array<unsigned, 4> faults{};
    for (unsigned run = 0; run < 2000; ++run) {
        Pair pair{8,
                  {.packed = true, .in_order = run % 2 == 0, .event_idx = run % 3 == 0},
                  static_cast<std::uint16_t>(next(0x10000))};
        pair.in_bursts = run % 5 == 0;
        std::vector<bool> offered(8, false);
        for (unsigned step = 0; step < 200 && pair.ring.fault() == RingFault::none; ++step) {
            const std::vector<Segment> segments(1 + next(8) / 6, Segment{Iova{0x1000}, 64});
            if (segments.size() <= pair.ring.slots().free()) {
                const std::uint16_t id = pair.ring.add_chain({}, segments);
                ASSERT_FALSE(offered[id]);
                offered[id] = true;
            }
            if (next(2) == 0) (void)pair.ring.publish();
            const std::uint32_t oldest = pair.ring.slots().slot(pair.ring.slots().retired);
            const auto id = static_cast<std::uint16_t>(next(2) == 0 ? oldest : next(9));
            const std::array<std::uint16_t, 4> flags{0, both, packed_flags::avail, static_cast<std::uint16_t>(~both)};
            pair.device.write_word(next(8), next(100), id, flags[next(4)]);
            for (const Used& used : pair.take_all()) {
                ASSERT_LT(used.id, 8);
                ASSERT_TRUE(offered[used.id]);
                offered[used.id] = false;
                ++returned;
            }
            (void)pair.ring.arm();
        }
        ++faults[static_cast<std::size_t>(pair.ring.fault())];
    }
    // It was a test of all of it.
    EXPECT_GT(returned, 1000U);
    EXPECT_GT(faults[static_cast<std::size_t>(RingFault::id_out_of_range)], 10U);
    EXPECT_GT(faults[static_cast<std::size_t>(RingFault::id_not_outstanding)], 10U);
}

}  // namespace
}  // namespace vmq::virtio
