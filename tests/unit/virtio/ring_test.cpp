// Rings of either layout against a device that behaves: staging, bursts, chains, order, a full ring, a restart.
#include "driver/virtio/ring.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/virtio/ring_fixture.hpp"

namespace vmq::virtio {
namespace {

// Stages buffers 0, 1, … as the burst routines do.
template <typename Ring, typename Write>
void stage_run(Ring& ring, std::uint32_t count, std::uint16_t flags, Write write) {
    for (std::uint32_t n = 0; n < count;) {
        const std::uint32_t run = std::min(count - n, ring.slots().to_end(ring.slots().staged));
        auto writer = ring.writer(flags);
        for (std::uint32_t i = 0; i < run; ++i) write(writer, n++);
        ring.stage(run);
    }
}

TYPED_TEST_SUITE(RingTest, BothRings, RingNames);

TYPED_TEST(RingTest, StartsEmpty) {
    this->in_every_format([](auto& pair, bool) {
        EXPECT_EQ(pair.ring.slots().size(), 16U);
        EXPECT_EQ(pair.ring.slots().free(), 16U);
        EXPECT_TRUE(pair.available().empty());
        EXPECT_FALSE(pair.ring.publish());
        EXPECT_TRUE(pair.available().empty());
        EXPECT_FALSE(pair.ring.has_used());
        EXPECT_EQ(used_run(pair.ring, 16), 0U);
        EXPECT_TRUE(pair.take_all().empty());
        EXPECT_EQ(pair.ring.fault(), RingFault::none);
    });
}

TYPED_TEST(RingTest, StagedBuffersAreInvisibleUntilPublished) {
    this->in_every_format([](auto& pair, bool) {
        const std::uint32_t start = pair.ring.slots().staged;
        const std::uint16_t readable = pair.ring.add_readable({Iova{0x1234'5678'9abc}, 60});
        const std::uint16_t writable = pair.ring.add_writable({Iova{0x2000}, 2048});
        EXPECT_EQ(readable, start % 16);
        EXPECT_EQ(writable, (start + 1) % 16);
        EXPECT_EQ(pair.ring.slots().free(), 14U);
        EXPECT_TRUE(pair.available().empty());

        (void)pair.ring.publish();
        const auto found = pair.available();
        ASSERT_EQ(found.size(), 2U);
        EXPECT_EQ(found[0].id, readable);
        EXPECT_EQ(found[0].pieces, (std::vector<Piece>{{0x1234'5678'9abc, 60, 0}}));
        EXPECT_EQ(found[1].id, writable);
        EXPECT_EQ(found[1].pieces, (std::vector<Piece>{{0x2000, 2048, descriptor_flags::write}}));
    });
}

TYPED_TEST(RingTest, AWriterLeavesTheSameBytesAsSingleCalls) {
    this->in_every_format([](auto& pair, bool event_idx) {
        const auto start = static_cast<std::uint16_t>(pair.ring.slots().staged);
        RingPair<TypeParam> other{16, TestFixture::format(false, event_idx), start};
        for (auto* ring : {&pair.ring, &other.ring}) ring->write_length(2048);
        for (unsigned lap = 0; lap < 3; ++lap) {
            for (const std::uint32_t count : {1U, 10U, 5U}) {
                stage_run(pair.ring, count, descriptor_flags::write,
                          [](auto& writer, std::uint32_t n) { writer.writable(Iova{0x1000 + n}); });
                for (std::uint32_t i = 0; i < count; ++i) other.ring.add_writable({Iova{0x1000 + i}, 2048});
                EXPECT_TRUE(std::ranges::equal(pair.memory.bytes(), other.memory.bytes()));
                (void)pair.ring.publish();
                (void)other.ring.publish();
                EXPECT_TRUE(std::ranges::equal(pair.memory.bytes(), other.memory.bytes()));
            }
            for (RingPair<TypeParam>* each : {&pair, &other}) {
                const auto found = each->available();
                ASSERT_EQ(found.size(), 16U);
                EXPECT_EQ(found[15].pieces, (std::vector<Piece>{{0x1004, 2048, descriptor_flags::write}}));
                for (const Available& buffer : found) each->device.use(buffer, 0);
                each->device.publish();
                EXPECT_EQ(each->take_all().size(), 16U);
            }
        }
    });
}

TYPED_TEST(RingTest, AWriterStagesReadableBuffersOfEveryLength) {
    this->in_any_order([](auto& pair, bool) {
        for (unsigned lap = 0; lap < 3; ++lap) {
            const std::uint32_t from = pair.ring.slots().staged;
            stage_run(pair.ring, 16, 0,
                      [](auto& writer, std::uint32_t n) { writer.readable(Iova{0x7000 + n}, 0xffff'fff0 + n); });
            EXPECT_TRUE(pair.available().empty());
            (void)pair.ring.publish();
            const auto found = pair.available();
            ASSERT_EQ(found.size(), 16U);
            for (std::uint32_t n = 0; n < 16; ++n) {
                EXPECT_EQ(found[n].id, (from + n) % 16);
                EXPECT_EQ(found[n].pieces, (std::vector<Piece>{{0x7000 + n, 0xffff'fff0 + n, 0}}));
                pair.device.use(found[n], 0);
            }
            pair.device.publish();
            ASSERT_EQ(pair.take_all().size(), 16U);
        }
    });
}

TYPED_TEST(RingTest, ASlotMayHoldAnotherKindOfBufferInEachLap) {
    this->in_any_order([](auto& pair, bool) {
        const std::vector<Segment> segments(16, Segment{Iova{0x3000}, 1});
        pair.ring.write_length(2048);
        for (unsigned lap = 0; lap < 12; ++lap) {
            std::vector<Piece> expected(16, Piece{0x1000, 2048, descriptor_flags::write});
            if (lap % 3 == 0) {
                pair.ring.add_chain(segments, {});
                expected.assign(16, Piece{0x3000, 1, 0});
            } else if (lap % 3 == 1) {
                stage_run(pair.ring, 16, descriptor_flags::write,
                          [](auto& writer, std::uint32_t) { writer.writable(Iova{0x1000}); });
            } else {
                stage_run(pair.ring, 16, 0, [](auto& writer, std::uint32_t) { writer.readable(Iova{0x2000}, 60); });
                expected.assign(16, Piece{0x2000, 60, 0});
            }
            (void)pair.ring.publish();
            std::vector<Piece> pieces;
            for (const Available& buffer : pair.available()) {
                pieces.insert(pieces.end(), buffer.pieces.begin(), buffer.pieces.end());
                pair.device.use(buffer, 0);
            }
            EXPECT_EQ(pieces, expected);
            pair.device.publish();
            (void)pair.take_all();
            ASSERT_EQ(pair.ring.slots().free(), 16U);
        }
    });
}

TYPED_TEST(RingTest, UsedBuffersComeBackWithTheirLengths) {
    this->in_any_order([](auto& pair, bool) {
        const auto ids = pair.offer(2);
        const auto found = pair.available();
        pair.device.use(found[1], 7);
        EXPECT_FALSE(pair.ring.has_used());
        pair.device.use(found[0], 0xffff'ffff);
        pair.device.publish();
        EXPECT_TRUE(pair.ring.has_used());

        const auto used = pair.take_all();
        ASSERT_EQ(used.size(), 2U);
        EXPECT_EQ(used[0].id, ids[1]);
        EXPECT_EQ(used[0].length, 7U);
        EXPECT_EQ(used[1].id, ids[0]);
        EXPECT_EQ(used[1].length, 0xffff'ffffU);
        EXPECT_FALSE(pair.ring.has_used());
        EXPECT_EQ(pair.ring.slots().free(), 16U);
    });
}

TYPED_TEST(RingTest, AnOlderBufferThatIsOutHoldsItsSlotAndThoseBehindIt) {
    this->in_any_order([](auto& pair, bool) {
        const std::uint16_t kept = pair.offer(1)[0];
        for (unsigned i = 1; i < 16; ++i) {
            (void)pair.offer(1);
            const auto found = pair.available();
            pair.use_one(found.back());
            ASSERT_EQ(pair.take_all().size(), 1U);
            EXPECT_EQ(pair.ring.slots().free(), 15U - i);
            EXPECT_FALSE(pair.ring.slots().in_step());
        }
        EXPECT_EQ(used_run(pair.ring, 16), 0U);
        pair.use_one({.id = kept, .pieces = {Piece{}}}, 5);
        const auto used = pair.take_all();
        ASSERT_EQ(used.size(), 1U);
        EXPECT_EQ(used[0].id, kept);
        EXPECT_EQ(used[0].length, 5U);
        EXPECT_EQ(pair.ring.slots().free(), 16U);
        EXPECT_TRUE(pair.ring.slots().in_step());
    });
}

TYPED_TEST(RingTest, AFullRingGoesRoundInEveryOrder) {
    this->in_any_order([](auto& pair, bool) {
        for (unsigned round = 0; round < 33; ++round) {
            const auto ids = pair.offer(16);
            EXPECT_EQ(pair.ring.slots().free(), 0U);
            EXPECT_EQ(std::set<std::uint16_t>(ids.begin(), ids.end()).size(), 16U);
            auto found = pair.available();
            ASSERT_EQ(found.size(), 16U);
            // Round by round in another order, as a device may; every third one in step.
            std::rotate(found.begin(), found.begin() + (round % 3 == 0 ? 0 : round % 16), found.end());
            if (round % 4 == 1) std::reverse(found.begin(), found.end());
            for (const Available& buffer : found) pair.device.use(buffer, round + buffer.id);
            pair.device.publish();

            const auto used = pair.take_all();
            ASSERT_EQ(used.size(), 16U);
            for (std::size_t i = 0; i < used.size(); ++i) {
                EXPECT_EQ(used[i].id, found[i].id);
                EXPECT_EQ(used[i].length, round + found[i].id);
            }
            ASSERT_EQ(pair.ring.slots().free(), 16U);
        }
        EXPECT_EQ(pair.ring.fault(), RingFault::none);
    });
}

TYPED_TEST(RingTest, ARunEndsAtItsLimitAndAtTheRingsEnd) {
    this->in_any_order([](auto& pair, bool) {
        for (unsigned lap = 0; lap < 3; ++lap) {
            const std::uint32_t to_end = pair.ring.slots().to_end(pair.ring.slots().retired);
            (void)pair.offer(16);
            const auto found = pair.available();
            for (const Available& buffer : std::span{found}.first(3)) pair.device.use(buffer, 0);
            pair.device.publish();
            EXPECT_EQ(used_run(pair.ring, 0), 0U);
            EXPECT_EQ(used_run(pair.ring, 1), 1U);
            EXPECT_LE(used_run(pair.ring, 16), to_end);
            EXPECT_EQ(pair.take_all().size(), 3U);
            for (const Available& buffer : std::span{found}.subspan(3)) pair.device.use(buffer, 0);
            pair.device.publish();
            EXPECT_EQ(pair.take_all().size(), 13U);
        }
    });
}

TYPED_TEST(RingTest, TakingInStepStopsAtTheFirstThatIsNot) {
    this->in_any_order([](auto& pair, bool) {
        // To the ring's start, so that all lie in one run.
        (void)pair.offer(pair.ring.slots().to_end(pair.ring.slots().staged));
        for (const Available& buffer : pair.available()) pair.device.use(buffer, 0);
        pair.device.publish();
        (void)pair.take_all();
        (void)pair.offer(8);
        auto found = pair.available();
        std::swap(found[5], found[6]);
        for (const Available& buffer : found) pair.device.use(buffer, 0);
        pair.device.publish();

        ASSERT_EQ(used_run(pair.ring, 16), 8U);
        std::vector<Used> in_step;
        pair.take_in_step(in_step);
        EXPECT_EQ(in_step.size(), 5U);
        EXPECT_EQ(pair.ring.slots().free(), 13U);
        const auto used = pair.take_all();
        ASSERT_EQ(used.size(), 3U);
        EXPECT_EQ(used[0].id, 6);
        EXPECT_EQ(used[1].id, 5);
        EXPECT_EQ(used[2].id, 7);
    });
}

TYPED_TEST(RingTest, ARestartedRingIsAsNew) {
    this->in_every_format([](auto& pair, bool event_idx) {
        pair.ring.write_length(1500);
        const std::array two{Segment{Iova{0x1000}, 1}, Segment{Iova{0x2000}, 1}};
        (void)pair.offer(5);
        pair.ring.add_chain(two, {});
        (void)pair.ring.publish();
        (void)pair.ring.arm();
        (void)pair.stage(2);
        const auto found = pair.available();
        pair.use_one(found[0]);
        EXPECT_EQ(pair.take_all().size(), 1U);
        pair.device.use_id(found[0].id, 0);  // a second time
        pair.device.publish();
        EXPECT_TRUE(pair.take_all().empty());
        EXPECT_NE(pair.ring.fault(), RingFault::none);

        for (const unsigned start : {0U, 20U, 0xfffeU}) {
            const auto at = static_cast<std::uint16_t>(start);
            pair.ring.restart(at);
            EXPECT_EQ(pair.ring.fault(), RingFault::none);
            EXPECT_EQ(pair.ring.slots().free(), 16U);
            RingPair<TypeParam> fresh{16, TestFixture::format(false, event_idx), at};
            fresh.ring.write_length(1500);
            EXPECT_TRUE(std::ranges::equal(pair.memory.bytes(), fresh.memory.bytes()));

            pair.device = RingDevice<TypeParam>{pair.memory, pair.ring.config(no_vector),
                                                TestFixture::format(false, event_idx), at};
            for (unsigned lap = 0; lap < 3; ++lap) {
                EXPECT_EQ(pair.offer(16)[0], start % 16);
                for (const Available& buffer : pair.available()) pair.device.use(buffer, 0);
                pair.device.publish();
                ASSERT_EQ(pair.take_all().size(), 16U);
            }
            (void)pair.offer(3);
        }
    });
}

}  // namespace
}  // namespace vmq::virtio
