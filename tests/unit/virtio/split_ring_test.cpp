// The split ring against a device that behaves: layout, bursts, chains, full ring, index wrap, notifications.
#include "driver/virtio/split_ring.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>
#include <tuple>

#include <gtest/gtest.h>

#include "tests/unit/virtio/ring_device.hpp"

namespace vmq::virtio {
namespace {

TEST(SplitRingLayout, AreasAreAlignedApartAndInside) {
    for (unsigned size = 1; size <= max_queue_size; size *= 2) {
        const auto queue_size = static_cast<std::uint16_t>(size);
        const RingMemory memory{queue_size};
        const SplitRing ring{memory.bytes(), ring_iova, queue_size, true};
        const QueueConfig config = ring.config(VectorIndex{7});
        EXPECT_EQ(config.size, size);
        EXPECT_EQ(config.vector, VectorIndex{7});
        EXPECT_EQ(config.descriptor_area, ring_iova);
        EXPECT_GE(config.driver_area.value, config.descriptor_area.value + 16 * size);
        EXPECT_GE(config.device_area.value, config.driver_area.value + 6 + 2 * size);
        EXPECT_LE(config.device_area.value + 6 + 8 * size, ring_iova.value + memory.bytes().size());
        EXPECT_EQ(config.driver_area.value % 64, 0U);
        EXPECT_EQ(config.device_area.value % 64, 0U);
    }
}

TEST(SplitRingLayout, RefusesWhatCannotBeARing) {
    const RingMemory memory{16};
    const auto make = [&](std::size_t skip, Iova iova, std::uint16_t size) {
        const SplitRing ring{memory.bytes().subspan(skip), iova, size, false};
        return ring.size();
    };
    EXPECT_EQ(make(0, ring_iova, 16), 16);
    EXPECT_EQ(make(64, ring_iova, 8), 8);
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
    RingPair pair_{16, event_idx(), start()};
    SplitRing& ring_ = pair_.ring;
    RingDevice& device_ = pair_.device;
};

TEST_P(SplitRingTest, StartsEmptyAndWithoutInterrupts) {
    EXPECT_EQ(ring_.free_descriptors(), 16);
    EXPECT_EQ(ring_.outstanding(), 0);
    EXPECT_EQ(device_.avail_idx(), start());
    EXPECT_EQ(device_.avail_flags(), event_idx() ? 0 : available_flags::no_interrupt);
    EXPECT_FALSE(ring_.publish());
    EXPECT_FALSE(ring_.has_used());
    EXPECT_TRUE(pair_.take_all().empty());
    EXPECT_EQ(ring_.fault(), RingFault::none);
}

TEST_P(SplitRingTest, StagedBuffersAreInvisibleUntilPublished) {
    const std::uint16_t readable = ring_.add_readable({Iova{0x1234'5678'9abc}, 60});
    const std::uint16_t writable = ring_.add_writable({Iova{0x2000}, 2048});
    EXPECT_NE(readable, writable);
    EXPECT_EQ(ring_.outstanding(), 2);
    EXPECT_EQ(ring_.free_descriptors(), 14);
    EXPECT_EQ(device_.avail_idx(), start());

    EXPECT_TRUE(ring_.publish() || event_idx());
    EXPECT_EQ(device_.avail_idx(), static_cast<std::uint16_t>(start() + 2));
    EXPECT_EQ(device_.take(), readable);
    EXPECT_EQ(device_.take(), writable);
    EXPECT_EQ(device_.take(), std::nullopt);

    EXPECT_EQ(device_.descriptor(readable).addr.value(), 0x1234'5678'9abcU);
    EXPECT_EQ(device_.descriptor(readable).len.value(), 60U);
    EXPECT_EQ(device_.descriptor(readable).flags.value(), 0);
    EXPECT_EQ(device_.descriptor(writable).addr.value(), 0x2000U);
    EXPECT_EQ(device_.descriptor(writable).len.value(), 2048U);
    EXPECT_EQ(device_.descriptor(writable).flags.value(), descriptor_flags::write);
}

TEST_P(SplitRingTest, UsedBuffersComeBackWithTheirLengths) {
    const std::uint16_t a = ring_.add_writable({Iova{0x1000}, 100});
    const std::uint16_t b = ring_.add_writable({Iova{0x2000}, 100});
    (void)ring_.publish();
    device_.use(b, 7);
    EXPECT_FALSE(ring_.has_used());
    device_.use(a, 0xffff'ffff);
    device_.publish();
    EXPECT_TRUE(ring_.has_used());

    const auto used = pair_.take_all();
    ASSERT_EQ(used.size(), 2U);
    EXPECT_EQ(used[0].id, b);
    EXPECT_EQ(used[0].length, 7U);
    EXPECT_EQ(used[1].id, a);
    EXPECT_EQ(used[1].length, 0xffff'ffffU);
    EXPECT_FALSE(ring_.has_used());
    EXPECT_EQ(ring_.outstanding(), 0);
    EXPECT_EQ(ring_.free_descriptors(), 16);
}

TEST_P(SplitRingTest, ABurstTakesNoMoreThanItHasRoomFor) {
    for (int i = 0; i < 5; ++i) ring_.add_readable({Iova{0x1000}, 1});
    (void)ring_.publish();
    while (const auto id = device_.take()) device_.use(*id, 0);
    device_.publish();

    std::array<Used, 3> out{};
    EXPECT_EQ(ring_.take_used(std::span<Used>{}), 0U);
    EXPECT_EQ(ring_.take_used(out), 3U);
    EXPECT_TRUE(ring_.has_used());
    EXPECT_EQ(ring_.outstanding(), 2);
    EXPECT_EQ(ring_.take_used(out), 2U);
    EXPECT_FALSE(ring_.has_used());
}

TEST_P(SplitRingTest, TheMostRecentlyFreedDescriptorIsUsedNext) {
    const std::uint16_t first = ring_.add_readable({Iova{0x1000}, 1});
    ring_.add_readable({Iova{0x1000}, 1});
    (void)ring_.publish();
    device_.use_one(first, 0);
    EXPECT_EQ(pair_.take_all().size(), 1U);
    EXPECT_EQ(ring_.add_readable({Iova{0x3000}, 1}), first);
}

TEST_P(SplitRingTest, AFullRingGoesRoundManyTimes) {
    for (unsigned round = 0; round < 5; ++round) {
        std::set<std::uint16_t> ids;
        while (ring_.free_descriptors() > 0) ids.insert(ring_.add_writable({Iova{0x1000}, round}));
        EXPECT_EQ(ids.size(), 16U);
        EXPECT_EQ(ring_.outstanding(), 16);
        (void)ring_.publish();

        std::vector<std::uint16_t> seen;
        while (const auto id = device_.take()) seen.push_back(*id);
        EXPECT_EQ(std::set<std::uint16_t>(seen.begin(), seen.end()), ids);
        // Round by round in another order, as a device may.
        std::rotate(seen.begin(), seen.begin() + round, seen.end());
        for (const std::uint16_t id : seen) device_.use(id, round);
        device_.publish();

        const auto used = pair_.take_all();
        ASSERT_EQ(used.size(), 16U);
        for (std::size_t i = 0; i < used.size(); ++i) {
            EXPECT_EQ(used[i].id, seen[i]);
            EXPECT_EQ(used[i].length, round);
        }
    }
    EXPECT_EQ(ring_.fault(), RingFault::none);
}

TEST_P(SplitRingTest, ABufferMayStayOutstandingWhileTheIndexGoesRound) {
    const std::uint16_t kept = ring_.add_readable({Iova{0x1000}, 1});
    for (unsigned i = 0; i < 70'000; ++i) {
        const std::uint16_t id = ring_.add_readable({Iova{0x2000}, 1});
        (void)ring_.publish();
        device_.use_one(id, 0);
        ASSERT_EQ(pair_.take_all().size(), 1U) << i;
    }
    device_.use_one(kept, 0);
    EXPECT_EQ(pair_.take_all().size(), 1U);
    EXPECT_EQ(ring_.fault(), RingFault::none);
    EXPECT_EQ(ring_.free_descriptors(), 16);
}

TEST_P(SplitRingTest, AChainIsLinkedAndComesBackWhole) {
    const std::array readable{Segment{Iova{0x1000}, 2}, Segment{Iova{0x2000}, 6}};
    const std::array writable{Segment{Iova{0x3000}, 1}};
    const std::uint16_t single = ring_.add_readable({Iova{0x9000}, 9});
    const std::uint16_t head = ring_.add_chain(readable, writable);
    EXPECT_EQ(ring_.outstanding(), 2);
    EXPECT_EQ(ring_.free_descriptors(), 12);
    (void)ring_.publish();
    EXPECT_EQ(device_.take(), single);
    EXPECT_EQ(device_.take(), head);

    const Descriptor first = device_.descriptor(head);
    const Descriptor second = device_.descriptor(first.next.value());
    const Descriptor third = device_.descriptor(second.next.value());
    EXPECT_EQ(first.flags.value(), descriptor_flags::next);
    EXPECT_EQ(first.addr.value(), 0x1000U);
    EXPECT_EQ(second.flags.value(), descriptor_flags::next);
    EXPECT_EQ(second.addr.value(), 0x2000U);
    EXPECT_EQ(second.len.value(), 6U);
    EXPECT_EQ(third.flags.value(), descriptor_flags::write);
    EXPECT_EQ(third.addr.value(), 0x3000U);
    EXPECT_EQ(third.len.value(), 1U);

    device_.use(head, 1);
    device_.use_one(single, 0);
    EXPECT_EQ(pair_.take_all().size(), 2U);
    EXPECT_EQ(ring_.free_descriptors(), 16);
}

TEST_P(SplitRingTest, DescriptorsOfAChainBecomeSingleBuffersAgain) {
    const std::vector<Segment> segments(16, Segment{Iova{0x1000}, 1});
    const std::uint16_t head = ring_.add_chain(segments, {});
    (void)ring_.publish();
    device_.use_one(head, 0);
    EXPECT_EQ(pair_.take_all().size(), 1U);
    ASSERT_EQ(ring_.free_descriptors(), 16);

    std::vector<std::uint16_t> ids;
    while (ring_.free_descriptors() > 0) ids.push_back(ring_.add_readable({Iova{0x2000}, 1}));
    (void)ring_.publish();
    for (std::uint16_t i = 0; i < 16; ++i) {
        device_.use_one(ids[i], 0);
        EXPECT_EQ(pair_.take_all().size(), 1U);
        EXPECT_EQ(ring_.free_descriptors(), i + 1);
    }
    EXPECT_EQ(ring_.fault(), RingFault::none);
}

TEST_P(SplitRingTest, ChainsOfEveryLengthFillTheRingAgainAndAgain) {
    for (unsigned round = 0; round < 40; ++round) {
        std::size_t length = 1 + round % 5;
        while (ring_.free_descriptors() >= length) {
            std::vector<Segment> segments(length, Segment{Iova{0x1000}, 1});
            const std::size_t split = round % (length + 1);
            (void)ring_.add_chain(std::span{segments}.first(split), std::span{segments}.subspan(split));
            length = 1 + length % 5;
        }
        (void)ring_.publish();
        std::set<std::uint16_t> descriptors;
        while (const auto head = device_.take()) {
            for (auto id = *head;; id = device_.descriptor(id).next.value()) {
                EXPECT_TRUE(descriptors.insert(id).second);
                if ((device_.descriptor(id).flags.value() & descriptor_flags::next) == 0) break;
            }
            device_.use(*head, 0);
        }
        EXPECT_EQ(descriptors.size(), 16U - ring_.free_descriptors());
        device_.publish();
        (void)pair_.take_all();
        ASSERT_EQ(ring_.outstanding(), 0);
        ASSERT_EQ(ring_.free_descriptors(), 16);
    }
}

TEST_P(SplitRingTest, ChangedSharedMemoryDoesNotChangeWhatIsFreed) {
    const std::array two{Segment{Iova{0x1000}, 1}, Segment{Iova{0x2000}, 1}};
    const std::uint16_t head = ring_.add_chain(two, {});
    (void)ring_.publish();
    const std::size_t rings = ring_.config(no_vector).device_area.value - ring_iova.value;
    std::ranges::fill(pair_.memory.bytes().first(rings), std::byte{0x11});  // descriptor table and available ring
    device_.use_one(head, 0);
    EXPECT_EQ(pair_.take_all().size(), 1U);
    EXPECT_EQ(ring_.free_descriptors(), 16);
    EXPECT_EQ(ring_.fault(), RingFault::none);
}

INSTANTIATE_TEST_SUITE_P(Starts, SplitRingTest,
                         testing::Combine(testing::Bool(), testing::Values(0U, 0xfff0U, 0xffffU, 0x7ffeU)),
                         [](const auto& test) {
                             return std::string(std::get<0>(test.param) ? "EventIdxFrom" : "FlagsFrom") +
                                    std::to_string(std::get<1>(test.param));
                         });

}  // namespace
}  // namespace vmq::virtio
