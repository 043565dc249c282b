// What only a split ring has: its layout, and an available ring that is rewritten only after a chain.
#include "driver/virtio/split_ring.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/virtio/ring_device.hpp"

namespace vmq::virtio {
namespace {

constexpr std::array two{Segment{Iova{0x1000}, 1}, Segment{Iova{0x2000}, 1}};

TEST(SplitRingLayout, AreasAreAlignedApartAndInside) {
    for (unsigned size = 1; size <= max_queue_size; size *= 2) {
        const auto queue_size = static_cast<std::uint16_t>(size);
        const RingMemory memory{SplitRing::memory_size(queue_size)};
        const SplitRing ring{memory.bytes(), ring_iova, queue_size, {}};
        const QueueConfig config = ring.config(VectorIndex{7});
        EXPECT_EQ(config.size, size);
        EXPECT_EQ(config.vector, VectorIndex{7});
        EXPECT_EQ(config.descriptor_area, ring_iova);
        EXPECT_GE(config.driver_area.value, config.descriptor_area.value + 16 * size);
        // Driver and device write to different cache lines.
        EXPECT_GE(config.device_area.value / 64, (config.driver_area.value + 6 + 2 * size + 63) / 64);
        EXPECT_LE(config.device_area.value + 6 + 8 * size, ring_iova.value + memory.bytes().size());
        EXPECT_EQ(config.driver_area.value % 64, 0U);
        EXPECT_EQ(config.device_area.value % 4, 0U);        // 2.7
        EXPECT_EQ((config.device_area.value + 4) % 8, 0U);  // an element is read as one word
    }
}

TEST(SplitRingLayout, RefusesWhatCannotBeARing) {
    const RingMemory memory{SplitRing::memory_size(16)};
    const auto make = [&](std::size_t skip, Iova iova, std::uint16_t size) {
        const SplitRing ring{memory.bytes().subspan(skip), iova, size, {}};
        return ring.slots().size();
    };
    EXPECT_EQ(make(0, ring_iova, 16), 16U);
    EXPECT_EQ(make(64, ring_iova, 8), 8U);
    EXPECT_THROW(make(0, ring_iova, 0), std::invalid_argument);
    EXPECT_THROW(make(0, ring_iova, 12), std::invalid_argument);
    EXPECT_THROW(make(0, ring_iova, 32), std::invalid_argument);
    EXPECT_THROW(make(8, ring_iova, 8), std::invalid_argument);
    EXPECT_THROW(make(0, ring_iova + 8, 16), std::invalid_argument);
}

class SplitRingTest : public testing::TestWithParam<std::tuple<bool, unsigned>> {
protected:
    [[nodiscard]] static bool event_idx() { return std::get<0>(GetParam()); }
    [[nodiscard]] static std::uint16_t start() { return static_cast<std::uint16_t>(std::get<1>(GetParam())); }
    // Buffers that the device takes and uses at once, oldest first.
    void complete() {
        for (const Available& buffer : pair_.available()) pair_.device.use(buffer, 0);
        pair_.device.publish();
        (void)pair_.take_all();
        ASSERT_EQ(ring_.slots().free(), 16U);
    }
    void expect_untouched_available_ring() {
        for (std::uint16_t i = 0; i < 16; ++i) EXPECT_EQ(device_.ring_entry(i), i);
    }

    RingPair<SplitRing> pair_{16, {.event_idx = event_idx()}, start()};
    SplitRing& ring_ = pair_.ring;
    RingDevice<SplitRing>& device_ = pair_.device;
};

TEST_P(SplitRingTest, StartsAtItsIndexAndWithoutInterrupts) {
    EXPECT_EQ(device_.avail_idx(), start());
    EXPECT_EQ(device_.avail_flags(), event_idx() ? 0 : available_flags::no_interrupt);
    expect_untouched_available_ring();
}

TEST_P(SplitRingTest, TheIndexCountsBuffers) {
    (void)pair_.stage(3);
    EXPECT_EQ(device_.avail_idx(), start());
    (void)ring_.publish();
    EXPECT_EQ(device_.avail_idx(), static_cast<std::uint16_t>(start() + 3));
    ring_.add_chain(two, {});
    (void)pair_.offer(1);
    EXPECT_EQ(device_.avail_idx(), static_cast<std::uint16_t>(start() + 5));
}

TEST_P(SplitRingTest, TheAvailableRingIsNotWrittenBeforeTheFirstChain) {
    const std::size_t at = ring_.config(no_vector).driver_area.value - ring_iova.value + sizeof(RingHeader);
    for (const bool restarted : {false, true}) {
        if (restarted) {
            ring_.add_chain(two, {});
            ring_.restart(start());
            device_ = {pair_.memory, ring_.config(no_vector), {.event_idx = event_idx()}, start()};
        }
        // Scribbled over, to see that nobody repairs it.
        std::ranges::fill(pair_.memory.bytes().subspan(at, 32), std::byte{0xee});
        for (unsigned lap = 0; lap < 3; ++lap) {
            for (const std::uint16_t id : pair_.offer(16)) device_.use_id(id, 0);
            device_.publish();
            ASSERT_EQ(pair_.take_all().size(), 16U);
        }
        for (std::uint16_t i = 0; i < 16; ++i) EXPECT_EQ(device_.ring_entry(i), 0xeeee);
    }
}

TEST_P(SplitRingTest, FromTheFirstChainOnEntriesAreWritten) {
    (void)pair_.stage(1);
    const std::uint16_t head = ring_.add_chain(two, {});
    const std::uint16_t behind = pair_.offer(1)[0];
    EXPECT_EQ(head, (start() + 1U) % 16);
    EXPECT_EQ(behind, (start() + 3U) % 16);
    EXPECT_EQ(device_.ring_entry(static_cast<std::uint16_t>(start() + 1)), head);
    EXPECT_EQ(device_.ring_entry(static_cast<std::uint16_t>(start() + 2)), behind);
    complete();
    for (unsigned lap = 0; lap < 3; ++lap) {
        const auto ids = pair_.offer(16);
        const auto found = pair_.available();
        ASSERT_EQ(found.size(), 16U);
        for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(found[i].id, ids[i]);
        for (const Available& buffer : found) device_.use(buffer, 0);
        device_.publish();
        // Index and slots are one apart; in step all the same.
        std::vector<Used> used;
        pair_.take_in_step(used);
        EXPECT_EQ(used.size(), 16U);
    }
    ring_.restart(start());
    expect_untouched_available_ring();
}

TEST_P(SplitRingTest, ARunEndsWhereTheUsedRingEnds) {
    ring_.add_chain(two, {});
    (void)ring_.publish();
    complete();
    for (unsigned lap = 0; lap < 20; ++lap) {
        for (const std::uint16_t id : pair_.offer(13)) device_.use_id(id, id);
        device_.publish();
        std::vector<Used> used;
        pair_.take_in_step(used);
        ASSERT_EQ(used.size(), 13U);
        for (const Used& each : used) EXPECT_EQ(each.length, each.id);
    }
}

TEST_P(SplitRingTest, AChainPassesTheRingsEnd) {
    while (ring_.slots().to_end(ring_.slots().staged) != 1) ring_.add_readable({Iova{0x1000}, 1});
    (void)ring_.publish();
    complete();
    const std::uint16_t head = ring_.add_chain(two, two);
    (void)ring_.publish();
    EXPECT_EQ(head, 15);
    EXPECT_EQ(device_.descriptor(15).next.value(), 0);
    EXPECT_EQ(device_.descriptor(0).next.value(), 1);
    EXPECT_EQ(device_.descriptor(1).next.value(), 2);
    EXPECT_EQ(device_.descriptor(2).flags.value(), descriptor_flags::write);
    complete();
}

TEST_P(SplitRingTest, ABufferMayStayOutWhileTheIndexGoesRound) {
    for (unsigned i = 0; i < 70'000; ++i) {
        const auto ids = pair_.offer(2);
        device_.use_id(ids[1], 0);
        device_.publish();
        ASSERT_EQ(pair_.take_all().size(), 1U) << i;
        device_.use_id(ids[0], 0);
        device_.publish();
        ASSERT_EQ(pair_.take_all().size(), 1U) << i;
    }
    EXPECT_EQ(ring_.fault(), RingFault::none);
    EXPECT_EQ(ring_.slots().free(), 16U);
}

INSTANTIATE_TEST_SUITE_P(Starts, SplitRingTest,
                         testing::Combine(testing::Bool(), testing::Values(0U, 0xfff0U, 0xffffU, 0x7ffeU)),
                         [](const auto& test) {
                             return std::string(std::get<0>(test.param) ? "EventIdxFrom" : "FlagsFrom") +
                                    std::to_string(std::get<1>(test.param));
                         });

TEST(SplitRingIndirect, ATablesEntriesAreLinked) {
    std::array<Descriptor, 4> table{};
    table.fill({le64{~0ULL}, le32{~0U}, le16{0xffff}, le16{0xffff}});
    const std::array three{Segment{Iova{0x1234'5678'9abc}, 12}, Segment{Iova{0x2000}, 1500}, Segment{Iova{0x3000}, 7}};
    SplitRing::fill_indirect(table.data(), three);
    for (std::size_t i = 0; i < three.size(); ++i) {
        EXPECT_EQ(table[i].addr.value(), three[i].address.value);
        EXPECT_EQ(table[i].len.value(), three[i].length);
        EXPECT_EQ(table[i].flags.value(), i < 2 ? descriptor_flags::next : 0);
        EXPECT_EQ(table[i].next.value(), i < 2 ? i + 1 : 0);
    }
    EXPECT_EQ(table[3].addr.value(), ~0ULL);
}

// 2.7.9: with IN_ORDER the index alone tells how many are done; elements inside a batch are not even written.
TEST(SplitRingInOrder, CountingNeedsNoElements) {
    RingPair<SplitRing> pair{16, {.in_order = true}, 0xfffa};
    (void)pair.offer(14);
    const auto found = pair.available();
    pair.device.use_batch(found, 0);
    pair.device.publish();
    std::uint32_t count = 0;
    while (const std::uint32_t run = used_run(pair.ring, 16)) {
        EXPECT_EQ(pair.ring.count_in_order(run), run);
        pair.ring.retire(run);
        count += run;
    }
    EXPECT_EQ(count, 14U);
    EXPECT_EQ(pair.ring.slots().free(), 16U);
}

}  // namespace
}  // namespace vmq::virtio
