// VIRTIO_F_IN_ORDER: a device that completes in order and in batches, in rings of either layout. VIRTIO 1.3, 2.7.9 and
// 2.8.9.
#include <algorithm>
#include <deque>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "driver/virtio/ring.hpp"
#include "tests/unit/virtio/ring_fixture.hpp"

namespace vmq::virtio {
namespace {

constexpr std::uint32_t whole = 1526;  // what a skipped buffer counts as

template <typename Ring>
class RingInOrderTest : public RingTest<Ring> {};
TYPED_TEST_SUITE(RingInOrderTest, BothRings, RingNames);

TYPED_TEST(RingInOrderTest, SingleBuffersComeBackInStep) {
    this->in_order([](auto& pair, bool) {
        for (unsigned lap = 0; lap < 5; ++lap) {
            const auto ids = pair.offer(11);
            for (const Available& buffer : pair.available()) pair.device.use(buffer, 100 + lap);
            pair.device.publish();
            const auto used = pair.take_all();
            ASSERT_EQ(used.size(), 11U);
            for (std::size_t i = 0; i < used.size(); ++i) {
                EXPECT_EQ(used[i].id, ids[i]);
                EXPECT_EQ(used[i].length, 100 + lap);
            }
            ASSERT_EQ(pair.ring.slots().free(), 16U);
        }
    });
}

TYPED_TEST(RingInOrderTest, ABatchStandsForAllUpToItsLast) {
    this->in_order([](auto& pair, bool) {
        pair.ring.write_length(whole);
        // A lap of single ones first: their lengths stay behind in the ring and must not be taken for the batch's.
        (void)pair.offer(16);
        for (const Available& buffer : pair.available()) pair.device.use(buffer, 9);
        pair.device.publish();
        ASSERT_EQ(pair.take_all().size(), 16U);

        for (unsigned lap = 0; lap < 5; ++lap) {
            const auto ids = pair.offer(13);
            const auto found = pair.available();
            pair.device.use_batch(std::span{found}.first(6), 60);
            pair.device.use_batch(std::span{found}.subspan(6, 1), 61);
            pair.device.use_batch(std::span{found}.subspan(7), 62);
            EXPECT_FALSE(pair.ring.has_used());
            pair.device.publish();
            const auto used = pair.take_all();
            ASSERT_EQ(used.size(), 13U);
            for (std::size_t i = 0; i < used.size(); ++i) {
                EXPECT_EQ(used[i].id, ids[i]);
                EXPECT_EQ(used[i].length, i == 5 ? 60 : i == 6 ? 61 : i == 12 ? 62 : whole) << i;
            }
            EXPECT_FALSE(pair.ring.has_used());
            ASSERT_EQ(pair.ring.slots().free(), 16U);
            EXPECT_EQ(pair.ring.fault(), RingFault::none);
        }
    });
}

TYPED_TEST(RingInOrderTest, ABatchMayBeTakenInParts) {
    this->in_order([](auto& pair, bool) {
        for (unsigned lap = 0; lap < 5; ++lap) {
            (void)pair.offer(14);
            const auto found = pair.available();
            pair.device.use_batch(std::span{found}.first(12), 60);
            pair.device.publish();
            Used used;
            for (unsigned i = 0; i < 11; ++i) {
                ASSERT_TRUE(pair.ring.take(used));
                EXPECT_EQ(used.id, found[i].id);
                EXPECT_TRUE(pair.ring.has_used());
                EXPECT_EQ(used_run(pair.ring, 16), 0U);
                EXPECT_FALSE(pair.ring.arm());
                EXPECT_EQ(pair.ring.slots().free(), 3 + i);
            }
            ASSERT_TRUE(pair.ring.take(used));
            EXPECT_EQ(used.length, 60U);
            EXPECT_FALSE(pair.ring.has_used());
            EXPECT_TRUE(pair.ring.arm());
            pair.device.use_batch(std::span{found}.subspan(12), 60);
            EXPECT_TRUE(pair.device.publish());
            EXPECT_EQ(pair.take_all().size(), 2U);
            pair.ring.disarm();
        }
    });
}

TYPED_TEST(RingInOrderTest, NewBuffersMayBeOfferedInTheMiddleOfABatch) {
    this->in_order([](auto& pair, bool) {
        (void)pair.offer(16);
        const auto found = pair.available();
        pair.device.use_batch(found, 60);
        pair.device.publish();
        Used used;
        for (unsigned i = 0; i < 5; ++i) ASSERT_TRUE(pair.ring.take(used));
        const auto more = pair.offer(5);
        EXPECT_EQ(more[0], found[0].id);
        EXPECT_EQ(pair.take_all().size(), 11U);
        for (const Available& buffer : pair.available()) pair.device.use(buffer, 0);
        pair.device.publish();
        const auto rest = pair.take_all();
        ASSERT_EQ(rest.size(), 5U);
        EXPECT_EQ(rest[4].id, more[4]);
    });
}

// Buffers and chains, alone and in batches of any size: each comes back once, in order, the last of a batch with the
// length that the device gave.
TYPED_TEST(RingInOrderTest, RandomBatchesOfBuffersAndChains) {
    this->in_order([](auto& pair, bool) {
        std::uint32_t random = 1 + pair.ring.slots().staged;
        const auto next = [&random](std::uint32_t below) {
            random = random * 1664525U + 1013904223U;
            return (random >> 8) % below;
        };
        pair.ring.write_length(whole);
        std::deque<std::uint16_t> offered;
        std::vector<Available> out;
        std::vector<std::pair<std::uint16_t, std::uint32_t>> expected;
        for (unsigned round = 0; round < 500; ++round) {
            for (std::uint32_t n = next(8); n > 0; --n) {
                const std::vector<Segment> segments(next(3) == 0 ? 1 + next(4) : 1, Segment{Iova{0x1000}, 8});
                if (segments.size() > pair.ring.slots().free()) break;
                offered.push_back(pair.ring.add_chain(segments, {}));
            }
            (void)pair.ring.publish();
            for (Available& buffer : pair.available()) out.push_back(std::move(buffer));
            while (!out.empty() && next(4) != 0) {
                const std::size_t batch = 1 + next(static_cast<std::uint32_t>(out.size()));
                for (std::size_t i = 0; i < batch; ++i) expected.emplace_back(out[i].id, i + 1 < batch ? whole : round);
                pair.device.use_batch(std::span{out}.first(batch), round);
                out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(batch));
            }
            pair.device.publish();
            const auto used = pair.take_all();
            ASSERT_EQ(used.size(), expected.size()) << int(pair.ring.fault());
            for (std::size_t i = 0; i < used.size(); ++i) {
                ASSERT_EQ(used[i].id, offered.front());
                ASSERT_EQ(used[i].id, expected[i].first);
                ASSERT_EQ(used[i].length, expected[i].second);
                offered.pop_front();
            }
            expected.clear();
        }
        EXPECT_EQ(pair.ring.fault(), RingFault::none);
    });
}

// As the send routine reclaims: whole batches by counting, one by one where a batch goes round the ring's end.
TYPED_TEST(RingInOrderTest, CountingTakesTheSameBuffers) {
    this->in_order([](auto& pair, bool) {
        EXPECT_TRUE(pair.ring.in_order());
        std::uint32_t counted = 0;
        for (unsigned round = 0; round < 100; ++round) {
            const std::uint32_t offered = 1 + round % 16;
            const std::uint32_t used = round % (offered + 1);
            (void)pair.offer(offered);
            auto found = pair.available();
            for (std::size_t at = 0; at < used;) {
                const std::size_t batch = std::min<std::size_t>(used - at, 1 + (round + at) % 5);
                pair.device.use_batch(std::span{found}.subspan(at, batch), 0);
                at += batch;
            }
            pair.device.publish();

            const std::uint32_t oldest = pair.ring.slots().retired;
            while (const std::uint32_t run = used_run(pair.ring, 16)) {
                const std::uint32_t count = pair.ring.count_in_order(run);
                ASSERT_LE(count, run);
                pair.ring.retire(count);
                counted += count;
                if (count < run) break;
            }
            for (Used each; pair.ring.take(each);) {
            }
            ASSERT_EQ(pair.ring.slots().retired - oldest, used) << round;
            ASSERT_EQ(pair.ring.fault(), RingFault::none);
            for (std::size_t i = used; i < offered; ++i) pair.device.use(found[i], 0);
            pair.device.publish();
            (void)pair.take_all();
            ASSERT_EQ(pair.ring.slots().free(), 16U);
        }
        EXPECT_GT(counted, 300U);  // most of them, of some 400
    });
}

TYPED_TEST(RingInOrderTest, ABatchThatEndsWhereNothingIsOut) {
    this->in_order([](auto& pair, bool) {
        const auto ids = pair.offer(4);
        pair.device.use_id((ids[3] + 1U) % 16, 0);
        pair.device.publish();
        EXPECT_TRUE(pair.take_all().empty());
        EXPECT_EQ(pair.ring.fault(), RingFault::id_not_outstanding);
        EXPECT_EQ(pair.ring.slots().free(), 12U);
    });
}

}  // namespace
}  // namespace vmq::virtio
