// Rings of either layout against a device that breaks the rules: what was good is taken, then one fault, nothing taken
// twice, no memory touched.
#include <array>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "driver/virtio/ring.hpp"
#include "tests/unit/virtio/ring_fixture.hpp"

namespace vmq::virtio {
namespace {

template <typename Ring>
class RingFaultTest : public RingTest<Ring> {
protected:
    struct Ids {
        std::uint16_t spare;  // came back
        std::uint16_t good;   // one of the four that are out; the next in order
    };
    static Ids four_out(RingPair<Ring>& pair) {
        const auto ids = pair.offer(5);
        pair.device.use_id(ids[0], 0);
        pair.device.publish();
        EXPECT_EQ(pair.take_all().size(), 1U);
        return {ids[0], ids[1]};
    }
    // The device uses the good buffer and then this id.
    static void expect_fault(RingPair<Ring>& pair, std::uint16_t good, std::uint32_t id, RingFault fault) {
        const std::uint32_t free = pair.ring.slots().free();
        pair.device.use_id(good, 9);
        pair.device.use_id(id, 9);
        pair.device.publish();
        const auto used = pair.take_all();
        ASSERT_EQ(used.size(), 1U);
        EXPECT_EQ(used[0].id, good);
        EXPECT_EQ(used[0].length, 9U);
        expect_broken(pair, fault);
        EXPECT_EQ(pair.ring.slots().free(), free + 1);
    }
    // Nothing is taken from now on, whatever the device does.
    static void expect_broken(RingPair<Ring>& pair, RingFault fault) {
        for (unsigned i = 0; i < 2; ++i) {
            EXPECT_EQ(pair.ring.fault(), fault);
            EXPECT_FALSE(pair.ring.has_used());
            EXPECT_EQ(used_run(pair.ring, 16), 0U);
            EXPECT_TRUE(pair.take_all().empty());
            pair.device.use_id(0, 0);
            pair.device.publish();
        }
    }
};
TYPED_TEST_SUITE(RingFaultTest, BothRings, RingNames);

TYPED_TEST(RingFaultTest, IdsOutOfRange) {
    for (const std::uint32_t id : {16U, 17U, 0x7fffU, 0x8000U, 0xffffU}) {
        SCOPED_TRACE(id);
        this->in_every_format([id](auto& pair, bool) {
            const auto ids = TestFixture::four_out(pair);
            TestFixture::expect_fault(pair, ids.good, id, RingFault::id_out_of_range);
        });
    }
}

TYPED_TEST(RingFaultTest, AnIdThatIsFree) {
    this->in_every_format([](auto& pair, bool) {
        const auto ids = TestFixture::four_out(pair);
        TestFixture::expect_fault(pair, ids.good, ids.spare, RingFault::id_not_outstanding);
    });
}

TYPED_TEST(RingFaultTest, AnIdThatWasNeverOffered) {
    this->in_every_format([](auto& pair, bool) {
        const auto ids = TestFixture::four_out(pair);
        TestFixture::expect_fault(pair, ids.good, (ids.good + 4U) % 16, RingFault::id_not_outstanding);
    });
}

TYPED_TEST(RingFaultTest, AnIdTwiceInABurst) {
    this->in_every_format([](auto& pair, bool) {
        const auto ids = TestFixture::four_out(pair);
        TestFixture::expect_fault(pair, ids.good, ids.good, RingFault::id_not_outstanding);
    });
}

TYPED_TEST(RingFaultTest, AnIdTwiceInTwoBursts) {
    this->in_every_format([](auto& pair, bool) {
        const auto ids = TestFixture::four_out(pair);
        for (const std::size_t expected : {1U, 0U}) {
            EXPECT_EQ(pair.ring.fault(), RingFault::none);
            pair.device.use_id(ids.good, 0);
            pair.device.publish();
            EXPECT_EQ(pair.take_all().size(), expected);
        }
        TestFixture::expect_broken(pair, RingFault::id_not_outstanding);
        EXPECT_EQ(pair.ring.slots().free(), 13U);
    });
}

// Before an older one is back its slot is not free, but it is no longer out either.
TYPED_TEST(RingFaultTest, AnIdTwiceBehindOneThatIsOut) {
    this->in_any_order([](auto& pair, bool) {
        const auto ids = TestFixture::four_out(pair);
        const auto younger = static_cast<std::uint16_t>((ids.good + 2) % 16);
        for (const std::size_t expected : {1U, 0U}) {
            pair.device.use_id(younger, 0);
            pair.device.publish();
            EXPECT_EQ(pair.take_all().size(), expected);
        }
        TestFixture::expect_broken(pair, RingFault::id_not_outstanding);
        EXPECT_EQ(pair.ring.slots().free(), 12U);
    });
}

TYPED_TEST(RingFaultTest, AnIdThatIsOnlyStaged) {
    this->in_every_format([](auto& pair, bool) {
        const auto ids = TestFixture::four_out(pair);
        const std::uint16_t staged = pair.ring.add_writable({Iova{0x1000}, 64});
        TestFixture::expect_fault(pair, ids.good, staged, RingFault::id_not_outstanding);
    });
}

TYPED_TEST(RingFaultTest, ADescriptorInsideAChain) {
    const std::array three{Segment{Iova{0x1000}, 1}, Segment{Iova{0x2000}, 1}, Segment{Iova{0x3000}, 1}};
    for (const unsigned inside : {1U, 2U}) {
        this->in_every_format([&](auto& pair, bool) {
            const auto ids = TestFixture::four_out(pair);
            const std::uint16_t head = pair.ring.add_chain(three, {});
            (void)pair.ring.publish();
            TestFixture::expect_fault(pair, ids.good, (head + inside) % 16, RingFault::id_not_outstanding);
        });
    }
}

TYPED_TEST(RingFaultTest, AUsedBufferBeforeAnythingWasOffered) {
    this->in_every_format([](auto& pair, bool) {
        pair.device.use_id(pair.ring.slots().slot(pair.ring.slots().staged), 0);
        pair.device.publish();
        EXPECT_TRUE(pair.take_all().empty());
        EXPECT_EQ(pair.ring.slots().free(), 16U);
    });
}

TYPED_TEST(RingFaultTest, AllOfAFullRingIsNoFault) {
    this->in_every_format([](auto& pair, bool) {
        for (const std::uint16_t id : pair.offer(16)) pair.device.use_id(id, 0);
        pair.device.publish();
        EXPECT_EQ(pair.take_all().size(), 16U);
        EXPECT_EQ(pair.ring.fault(), RingFault::none);
    });
}

// Whatever ids a device returns, the ring hands out only those that were offered, each once, and never loses count.
TYPED_TEST(RingFaultTest, RandomIdsNeverBreakTheCount) {
    std::uint32_t random = 12345;
    const auto next = [&random](std::uint32_t below) {
        random = random * 1664525U + 1013904223U;
        return (random >> 8) % below;
    };
    for (unsigned run = 0; run < 10; ++run) {
        this->in_every_format([&](auto& pair, bool) {
            std::vector<bool> offered(16, false);
            std::size_t out = 0;
            for (unsigned step = 0; step < 1000 && pair.ring.fault() == RingFault::none; ++step) {
                for (auto n = next(8); n > 0 && pair.ring.slots().free() > 1; --n, ++out) {
                    const std::vector<Segment> segments(1 + next(8) / 7, Segment{Iova{0x1000}, 64});
                    const std::uint16_t id = pair.ring.add_chain({}, segments);
                    ASSERT_FALSE(offered[id]);
                    offered[id] = true;
                }
                (void)pair.ring.publish();
                for (auto n = next(4); n > 0; --n)
                    pair.device.use_id(next(3) != 0 ? pair.ring.slots().slot(pair.ring.slots().retired) : next(17),
                                       next(99));
                pair.device.publish();
                for (const Used& used : pair.take_all()) {
                    ASSERT_LT(used.id, 16);
                    ASSERT_TRUE(offered[used.id]);
                    offered[used.id] = false;
                    --out;
                }
                std::size_t left = 0;
                pair.ring.slots().for_each_outstanding([&](std::uint32_t slot) {
                    ++left;
                    EXPECT_TRUE(offered[slot]);
                });
                ASSERT_EQ(left, out);
                ASSERT_LE(pair.ring.slots().free() + left, 16U);
            }
        });
    }
}

}  // namespace
}  // namespace vmq::virtio
