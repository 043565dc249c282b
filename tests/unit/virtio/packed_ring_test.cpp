// What only a packed ring has: its layout, wrap counters, and a first descriptor that is made available last.
#include "driver/virtio/packed_ring.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/virtio/packed_ring_device.hpp"

namespace vmq::virtio {
namespace {

using Pair = RingPair<PackedRing>;

constexpr std::array two{Segment{Iova{0x1000}, 1}, Segment{Iova{0x2000}, 2}};

// 2.8.1, counted the way the specification tells it: the counter starts at 1 and is flipped at the ring's end.
class WrapCounter {
public:
    WrapCounter(std::uint32_t size, std::uint32_t start) : size_(size) {
        while (start-- > 0) advance();
    }
    void advance() {
        if (++at_ == size_) {
            at_ = 0;
            counter_ = !counter_;
        }
    }
    [[nodiscard]] std::uint32_t at() const { return at_; }
    [[nodiscard]] std::uint16_t available() const { return counter_ ? packed_flags::avail : packed_flags::used; }
    [[nodiscard]] std::uint16_t used() const { return counter_ ? packed_flags::avail | packed_flags::used : 0; }

private:
    std::uint32_t size_;
    std::uint32_t at_ = 0;
    bool counter_ = true;
};

TEST(PackedRingLayout, AreasAreAlignedApartAndInside) {
    for (unsigned size = 1; size <= max_queue_size; size *= 2) {
        const auto queue_size = static_cast<std::uint16_t>(size);
        const RingMemory memory{PackedRing::memory_size(queue_size)};
        const PackedRing ring{memory.bytes(), ring_iova, queue_size, {.packed = true}};
        const QueueConfig config = ring.config(VectorIndex{7});
        EXPECT_EQ(config.size, size);
        EXPECT_EQ(config.vector, VectorIndex{7});
        EXPECT_EQ(config.descriptor_area, ring_iova);
        EXPECT_GE(config.driver_area.value, config.descriptor_area.value + 16 * size);
        EXPECT_GE(config.device_area.value, config.driver_area.value + 64);
        EXPECT_LE(config.device_area.value + 4, ring_iova.value + memory.bytes().size());
        EXPECT_EQ(config.driver_area.value % 64, 0U);
        EXPECT_EQ(config.device_area.value % 64, 0U);
    }
}

TEST(PackedRingLayout, RefusesWhatCannotBeARing) {
    const RingMemory memory{PackedRing::memory_size(16)};
    const auto make = [&](std::size_t skip, Iova iova, std::uint16_t size) {
        const PackedRing ring{memory.bytes().subspan(skip), iova, size, {.packed = true}};
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

TEST(PackedRingLayout, FromItsFirstPositionANewRingIsAllZeroes) {
    const RingMemory memory{PackedRing::memory_size(16)};
    const PackedRing ring{memory.bytes(), ring_iova, 16, {.packed = true}};
    auto bytes = memory.bytes();
    const auto driver_flags = ring.config(no_vector).driver_area.value - ring_iova.value + 2;
    EXPECT_EQ(bytes[driver_flags], std::byte{event_flags::disable});
    bytes[driver_flags] = std::byte{0};
    EXPECT_TRUE(std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; }));
}

TEST(PackedRingLayout, NothingLooksAvailableOrUsedInANewRingWhereverItStarts) {
    for (std::uint16_t start = 0; start < 48; ++start) {
        Pair pair{16, {.packed = true}, start};
        for (std::uint32_t ahead = 0; ahead < 16; ++ahead) EXPECT_FALSE(pair.device.is_available(start + ahead));
        WrapCounter next{16, start};
        for (std::uint32_t ahead = 0; ahead < 16; ++ahead, next.advance()) {
            const auto flags = pair.device.descriptor(start + ahead).flags.value();
            EXPECT_NE(flags, next.used());
            EXPECT_NE(flags, next.available());
        }
    }
}

class PackedRingTest : public testing::TestWithParam<std::uint16_t> {
protected:
    [[nodiscard]] std::uint16_t flags(std::uint32_t position) const {
        return device_.descriptor(position).flags.value();
    }
    void complete() {
        for (const Available& buffer : pair_.available()) pair_.device.use(buffer, 0);
        pair_.device.publish();
        (void)pair_.take_all();
        ASSERT_EQ(ring_.slots().free(), 4U);
    }
    Pair pair_{4, {.packed = true}, GetParam()};
    PackedRing& ring_ = pair_.ring;
    RingDevice<PackedRing>& device_ = pair_.device;
};

TEST_P(PackedRingTest, FlagsAndIdsFollowTheWrapCounterLapAfterLap) {
    WrapCounter next{4, GetParam()};
    std::uint32_t position = GetParam();
    for (unsigned step = 0; step < 40; ++step) {
        const std::uint32_t count = 1 + step % 4;
        (void)pair_.offer(count);
        for (std::uint32_t i = 0; i < count; ++i, ++position, next.advance()) {
            EXPECT_EQ(position % 4, next.at());
            EXPECT_EQ(flags(position), next.available() | descriptor_flags::write);
            EXPECT_EQ(device_.descriptor(position).id.value(), next.at());
        }
        complete();
    }
}

TEST_P(PackedRingTest, OnlyTheFirstDescriptorOfABurstWaitsForPublish) {
    for (unsigned lap = 0; lap < 6; ++lap) {
        const std::uint32_t first = ring_.slots().staged;
        ring_.add_chain(two, {});
        (void)pair_.stage(2);
        EXPECT_FALSE(device_.is_available(first));
        for (std::uint32_t i = 1; i < 4; ++i) EXPECT_TRUE(device_.is_available(first + i));
        WrapCounter next{4, first};
        EXPECT_EQ(flags(first), (next.available() ^ packed_flags::avail) | descriptor_flags::next);
        (void)ring_.publish();
        EXPECT_EQ(flags(first), next.available() | descriptor_flags::next);
        for (std::uint32_t i = 0; i < 4; ++i) EXPECT_TRUE(device_.is_available(first + i));
        complete();
        (void)pair_.offer(1);  // the next burst begins one further
        complete();
    }
}

// What is staged must not look used either, or the driver would take it back before it offered it.
TEST_P(PackedRingTest, WhatIsStagedDoesNotLookUsed) {
    for (unsigned lap = 0; lap < 6; ++lap) {
        for (std::uint32_t count = 1; count <= 4; ++count) {
            (void)pair_.stage(count);
            EXPECT_FALSE(ring_.has_used());
            EXPECT_EQ(ring_.used_run(4), 0U);
            (void)ring_.publish();
            EXPECT_FALSE(ring_.has_used());
            std::vector<Used> in_step;
            pair_.take_in_step(in_step);
            EXPECT_TRUE(in_step.empty());
            complete();
            EXPECT_FALSE(ring_.has_used());
        }
    }
}

TEST_P(PackedRingTest, AWriterThatWritesNothingLeavesNoTrace) {
    for (unsigned lap = 0; lap < 6; ++lap) {
        (void)ring_.writer(descriptor_flags::write);  // and the pool was empty, say
        EXPECT_FALSE(ring_.publish());
        ring_.add_chain(two, {});
        (void)ring_.writer(descriptor_flags::write);
        (void)ring_.publish();
        const auto found = pair_.available();
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].pieces, (std::vector<Piece>{{0x1000, 1, 0}, {0x2000, 2, 0}}));
        pair_.use_one(found[0]);
        EXPECT_EQ(pair_.take_all().size(), 1U);
        (void)pair_.offer(1);
        complete();
    }
}

TEST_P(PackedRingTest, AChainCarriesItsIdAndTheCounterOfEachDescriptor) {
    for (unsigned lap = 0; lap < 12; ++lap) {
        const std::uint32_t first = ring_.slots().staged;
        const std::uint16_t head = ring_.add_chain(two, two);
        EXPECT_EQ(head, first % 4);
        (void)ring_.publish();
        WrapCounter next{4, first};
        for (std::uint32_t i = 0; i < 4; ++i, next.advance()) {
            const unsigned write = i >= 2 ? descriptor_flags::write : 0U;
            const unsigned link = i < 3 ? descriptor_flags::next : 0U;
            EXPECT_EQ(flags(first + i), next.available() | write | link);
            EXPECT_EQ(device_.descriptor(first + i).id.value(), head);
        }
        complete();
        for (unsigned i = 0; i < lap % 3; ++i) (void)pair_.offer(1);
        if (lap % 3 != 0) complete();
    }
}

// 2.8.8: one used descriptor for a chain; the next one lies behind all of its descriptors.
TEST_P(PackedRingTest, AUsedChainIsOneDescriptorAndTheNextLiesBehindIt) {
    for (unsigned lap = 0; lap < 8; ++lap) {
        const std::uint32_t first = device_.next_used();
        ring_.add_chain(two, std::span{two}.first(1));
        (void)pair_.offer(1);
        const auto found = pair_.available();
        ASSERT_EQ(found.size(), 2U);
        const PackedDescriptor second = device_.descriptor(first + 1);
        pair_.use_one(found[0], 17);
        EXPECT_EQ(device_.next_used(), first + 3);
        EXPECT_EQ(device_.descriptor(first + 1).flags.value(), second.flags.value());
        auto used = pair_.take_all();
        ASSERT_EQ(used.size(), 1U);
        EXPECT_EQ(used[0].length, 17U);
        EXPECT_FALSE(ring_.has_used());
        pair_.use_one(found[1], 18);
        used = pair_.take_all();
        ASSERT_EQ(used.size(), 1U);
        EXPECT_EQ(used[0].id, found[1].id);
        EXPECT_EQ(used[0].length, 18U);
        for (unsigned i = 0; i < lap % 3; ++i) {
            (void)pair_.offer(1);
            complete();
        }
    }
}

// 2.8.5: a device that wrote nothing leaves WRITE out; what else it leaves in flags says nothing.
TEST_P(PackedRingTest, OtherFlagsOfAUsedDescriptorDoNotMatter) {
    constexpr auto junk = static_cast<std::uint16_t>(~(packed_flags::avail | packed_flags::used));
    for (const std::uint16_t other : {std::uint16_t{0}, descriptor_flags::write, descriptor_flags::next, junk}) {
        device_.set_used_flags(other);
        for (const bool in_bursts : {false, true}) {
            pair_.in_bursts = in_bursts;
            for (unsigned lap = 0; lap < 5; ++lap) {
                const auto ids = pair_.offer(3);
                for (const std::uint16_t id : ids) device_.use_id(id, 60);
                device_.publish();
                const auto used = pair_.take_all();
                ASSERT_EQ(used.size(), 3U);
                for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(used[i].id, ids[i]);
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Starts, PackedRingTest,
                         testing::Values<std::uint16_t>(0, 1, 3, 4, 6, 7, 8, 0x7ffe, 0xfffd, 0xffff),
                         [](const auto& test) { return "From" + std::to_string(test.param); });

TEST(PackedRingIndirect, ATablesEntriesAreInOrderAndWithoutFlags) {
    std::array<PackedDescriptor, 4> table{};
    table.fill({le64{~0ULL}, le32{~0U}, le16{0xffff}, le16{0xffff}});
    const std::array three{Segment{Iova{0x1234'5678'9abc}, 12}, Segment{Iova{0x2000}, 1500}, Segment{Iova{0x3000}, 7}};
    PackedRing::fill_indirect(table.data(), three);
    for (std::size_t i = 0; i < three.size(); ++i) {
        EXPECT_EQ(table[i].addr.value(), three[i].address.value);
        EXPECT_EQ(table[i].len.value(), three[i].length);
        EXPECT_EQ(table[i].id.value(), 0);
        EXPECT_EQ(table[i].flags.value(), 0);
    }
    EXPECT_EQ(table[3].addr.value(), ~0ULL);
}

TEST(PackedRingSizes, TheSmallestAndTheLargestGoRound) {
    for (const std::uint16_t size : {std::uint16_t{1}, std::uint16_t{2}, max_queue_size}) {
        Pair pair{size, {.packed = true}, static_cast<std::uint16_t>(size - 1)};
        for (unsigned lap = 0; lap < 5; ++lap) {
            for (const std::uint16_t id : pair.offer(size)) pair.device.use_id(id, lap);
            pair.device.publish();
            pair.in_bursts = !pair.in_bursts;
            ASSERT_EQ(pair.take_all().size(), size);
        }
        EXPECT_EQ(pair.ring.fault(), RingFault::none);
    }
}

}  // namespace
}  // namespace vmq::virtio
