// Chains in rings of either layout: how they are linked, come back, and give their slots to single buffers again.
#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "driver/virtio/ring.hpp"
#include "tests/unit/virtio/ring_fixture.hpp"

namespace vmq::virtio {
namespace {

template <typename Ring>
class RingChainTest : public RingTest<Ring> {};
TYPED_TEST_SUITE(RingChainTest, BothRings, RingNames);

TYPED_TEST(RingChainTest, IsLinkedAndComesBackWhole) {
    this->in_any_order([](auto& pair, bool) {
        const std::array readable{Segment{Iova{0x1000}, 2}, Segment{Iova{0x2000}, 6}};
        const std::array writable{Segment{Iova{0x3000}, 1}};
        for (unsigned lap = 0; lap < 12; ++lap) {
            const std::uint16_t single = pair.ring.add_readable({Iova{0x9000}, 9});
            const std::uint16_t head = pair.ring.add_chain(readable, writable);
            EXPECT_EQ(head, (single + 1) % 16);
            EXPECT_EQ(pair.ring.slots().free(), 12U);
            EXPECT_TRUE(pair.available().empty());
            (void)pair.ring.publish();
            const auto found = pair.available();
            ASSERT_EQ(found.size(), 2U);
            EXPECT_EQ(found[0].id, single);
            EXPECT_EQ(found[1].id, head);
            EXPECT_EQ(found[1].pieces,
                      (std::vector<Piece>{{0x1000, 2, 0}, {0x2000, 6, 0}, {0x3000, 1, descriptor_flags::write}}));

            pair.device.use(found[1], 1);
            pair.use_one(found[0]);
            const auto used = pair.take_all();
            ASSERT_EQ(used.size(), 2U);
            EXPECT_EQ(used[0].id, head);
            EXPECT_EQ(used[0].length, 1U);
            EXPECT_EQ(used[1].id, single);
            ASSERT_EQ(pair.ring.slots().free(), 16U);
        }
    });
}

TYPED_TEST(RingChainTest, StagedFirstIsInvisibleToo) {
    this->in_any_order([](auto& pair, bool) {
        const std::array two{Segment{Iova{0x1000}, 1}, Segment{Iova{0x2000}, 1}};
        pair.ring.add_chain(two, {});
        pair.ring.add_chain({}, two);
        (void)pair.stage(1);
        EXPECT_TRUE(pair.available().empty());
        (void)pair.ring.publish();
        EXPECT_EQ(pair.available().size(), 3U);
    });
}

TYPED_TEST(RingChainTest, DescriptorsBecomeSingleBuffersAgain) {
    this->in_any_order([](auto& pair, bool) {
        const std::vector<Segment> segments(16, Segment{Iova{0x1000}, 1});
        for (unsigned lap = 0; lap < 3; ++lap) {
            pair.ring.add_chain(segments, {});
            EXPECT_EQ(pair.ring.slots().free(), 0U);
            (void)pair.ring.publish();
            pair.use_one(pair.available().at(0));
            ASSERT_EQ(pair.take_all().size(), 1U);
            ASSERT_EQ(pair.ring.slots().free(), 16U);
            EXPECT_TRUE(pair.ring.slots().in_step());

            (void)pair.offer(16);
            const auto found = pair.available();
            ASSERT_EQ(found.size(), 16U);
            for (std::uint32_t i = 0; i < 16; ++i) {
                pair.use_one(found[i]);
                ASSERT_EQ(pair.take_all().size(), 1U);
                EXPECT_EQ(pair.ring.slots().free(), i + 1);
            }
        }
        EXPECT_EQ(pair.ring.fault(), RingFault::none);
    });
}

TYPED_TEST(RingChainTest, EveryLengthAndEverySplitFillsTheRingAgainAndAgain) {
    this->in_any_order([](auto& pair, bool) {
        std::size_t length = 1;
        for (unsigned round = 0; round < 60; ++round) {
            std::vector<std::vector<Piece>> expected;
            for (; pair.ring.slots().free() >= length; length = 1 + length % 5) {
                std::vector<Segment> segments;
                auto& pieces = expected.emplace_back();
                const std::size_t split = round % (length + 1);
                for (std::size_t i = 0; i < length; ++i) {
                    segments.push_back({Iova{0x1000 * round + i}, round});
                    pieces.push_back(
                        {0x1000 * round + i, round, i < split ? std::uint16_t{0} : descriptor_flags::write});
                }
                pair.ring.add_chain(std::span{segments}.first(split), std::span{segments}.subspan(split));
            }
            (void)pair.ring.publish();
            auto found = pair.available();
            ASSERT_EQ(found.size(), expected.size());
            for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i].pieces, expected[i]);
            if (round % 2 == 1) std::rotate(found.begin(), found.begin() + 1, found.end());
            for (const Available& buffer : found) pair.device.use(buffer, buffer.id);
            pair.device.publish();
            const auto used = pair.take_all();
            ASSERT_EQ(used.size(), found.size());
            for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(used[i].id, found[i].id);
            ASSERT_EQ(pair.ring.slots().free(), 16U);
        }
        EXPECT_EQ(pair.ring.fault(), RingFault::none);
    });
}

// The bursts' fast way stands back as long as a chain is out, and is there again afterwards.
TYPED_TEST(RingChainTest, RunsBeginAgainWhenTheChainIsBack) {
    this->in_any_order([](auto& pair, bool) {
        const std::array two{Segment{Iova{0x1000}, 1}, Segment{Iova{0x2000}, 1}};
        (void)pair.stage(2);
        pair.ring.add_chain(two, {});
        (void)pair.stage(2);
        (void)pair.ring.publish();
        for (const Available& buffer : pair.available()) pair.device.use(buffer, 0);
        pair.device.publish();
        EXPECT_EQ(used_run(pair.ring, 16), 0U);
        Used used;
        for (unsigned i = 0; i < 3; ++i) ASSERT_TRUE(pair.ring.take(used));
        EXPECT_NE(used_run(pair.ring, 16), 0U);
        EXPECT_EQ(pair.take_all().size(), 2U);
        EXPECT_EQ(pair.ring.slots().free(), 16U);
    });
}

TYPED_TEST(RingChainTest, ChangedSharedMemoryDoesNotChangeWhatIsFreed) {
    this->in_any_order([](auto& pair, bool) {
        const std::array two{Segment{Iova{0x1000}, 1}, Segment{Iova{0x2000}, 1}};
        pair.ring.add_chain(two, {});
        (void)pair.ring.publish();
        const auto found = pair.available();
        const std::size_t descriptors = pair.ring.config(no_vector).driver_area.value - ring_iova.value;
        std::ranges::fill(pair.memory.bytes().first(descriptors), std::byte{0x11});
        pair.use_one(found.at(0));
        EXPECT_EQ(pair.take_all().size(), 1U);
        EXPECT_EQ(pair.ring.slots().free(), 16U);
        EXPECT_EQ(pair.ring.fault(), RingFault::none);
    });
}

TYPED_TEST(RingChainTest, AnIndirectTableTakesOneSlot) {
    this->in_any_order([](auto& pair, bool) {
        for (unsigned lap = 0; lap < 3; ++lap) {
            for (unsigned i = 0; i < 16; ++i) {
                const std::uint32_t slot = pair.ring.slots().slot(pair.ring.slots().staged);
                EXPECT_EQ(pair.ring.add_indirect(Iova{0x5000 + 64 * i}, 2 + i), slot);
            }
            EXPECT_EQ(pair.ring.slots().free(), 0U);
            EXPECT_TRUE(pair.ring.slots().in_step());
            EXPECT_TRUE(pair.available().empty());
            (void)pair.ring.publish();
            const auto found = pair.available();
            ASSERT_EQ(found.size(), 16U);
            for (unsigned i = 0; i < 16; ++i) {
                EXPECT_EQ(found[i].pieces,
                          (std::vector<Piece>{{0x5000 + 64 * i, 16 * (2 + i), descriptor_flags::indirect}}));
                pair.device.use(found[i], 0);
            }
            pair.device.publish();
            ASSERT_EQ(pair.take_all().size(), 16U);
        }
    });
}

}  // namespace
}  // namespace vmq::virtio
