// Notifications in both directions, in rings of either layout: who is told when, and the windows in which a wake-up
// could be lost.
#include <array>
#include <cstdint>

#include <gtest/gtest.h>

#include "driver/virtio/ring.hpp"
#include "tests/unit/virtio/ring_fixture.hpp"

namespace vmq::virtio {
namespace {

template <typename Ring>
class RingNotifyTest : public RingTest<Ring> {
protected:
    static bool publish(RingPair<Ring>& pair, std::size_t buffers) {
        (void)pair.stage(buffers);
        return pair.ring.publish();
    }
    // All that is available is used and taken back.
    static void complete(RingPair<Ring>& pair) {
        for (const Available& buffer : pair.available()) pair.device.use(buffer, 0);
        pair.device.publish();
        (void)pair.take_all();
        ASSERT_EQ(pair.ring.slots().free(), ring_size);
    }
};
TYPED_TEST_SUITE(RingNotifyTest, BothRings, RingNames);

TYPED_TEST(RingNotifyTest, TheDoorbellFollowsTheDevicesEvent) {
    this->in_every_format([](auto& pair, bool event_idx) {
        if (!event_idx) return;
        for (unsigned lap = 0; lap < 5; ++lap) {
            pair.device.ask_after(2);
            EXPECT_FALSE(TestFixture::publish(pair, 2));  // up to it
            EXPECT_TRUE(TestFixture::publish(pair, 1));   // it
            EXPECT_FALSE(TestFixture::publish(pair, 3));  // behind it
            TestFixture::complete(pair);
            pair.device.ask_after(2);
            EXPECT_TRUE(TestFixture::publish(pair, 4));  // in the middle of a burst
            EXPECT_FALSE(TestFixture::publish(pair, 1));
            TestFixture::complete(pair);
        }
    });
}

TYPED_TEST(RingNotifyTest, TheDoorbellFollowsTheFlag) {
    this->in_every_format([](auto& pair, bool event_idx) {
        if (event_idx) return;
        EXPECT_TRUE(TestFixture::publish(pair, 1));  // a device that has written nothing wants to be told
        pair.device.set_notifications(false);
        EXPECT_FALSE(TestFixture::publish(pair, 1));
        EXPECT_FALSE(TestFixture::publish(pair, 3));
        pair.device.set_notifications(true);
        EXPECT_TRUE(TestFixture::publish(pair, 2));
    });
}

TYPED_TEST(RingNotifyTest, NothingStagedMeansNoDoorbell) {
    this->in_every_format([](auto& pair, bool) {
        EXPECT_TRUE(pair.device.arm());
        EXPECT_FALSE(pair.ring.publish());
        EXPECT_TRUE(TestFixture::publish(pair, 1));
        EXPECT_FALSE(pair.ring.publish());
    });
}

TYPED_TEST(RingNotifyTest, ADeviceThatArmsSeesWhatCameBeforeIt) {
    this->in_every_format([](auto& pair, bool) {
        (void)pair.offer(1);
        EXPECT_FALSE(pair.device.arm());
        EXPECT_EQ(pair.available().size(), 1U);
        EXPECT_TRUE(pair.device.arm());
        EXPECT_TRUE(TestFixture::publish(pair, 1));
    });
}

TYPED_TEST(RingNotifyTest, ArmingBringsAnInterruptAtTheNextUsedBuffer) {
    this->in_every_format([](auto& pair, bool event_idx) {
        for (unsigned lap = 0; lap < 9; ++lap) {
            (void)pair.offer(5);
            const auto found = pair.available();
            EXPECT_FALSE(pair.use_one(found[0]));
            EXPECT_EQ(pair.take_all().size(), 1U);
            EXPECT_TRUE(pair.ring.arm());
            EXPECT_TRUE(pair.use_one(found[1]));
            if (event_idx) {
                EXPECT_FALSE(pair.use_one(found[2]));  // one was enough
            } else {
                EXPECT_TRUE(pair.use_one(found[2]));
            }
            EXPECT_EQ(pair.take_all().size(), 2U);
            EXPECT_TRUE(pair.ring.arm());
            pair.device.use(found[3], 0);
            pair.device.use(found[4], 0);
            EXPECT_TRUE(pair.device.publish());  // a burst that begins with it
            EXPECT_EQ(pair.take_all().size(), 2U);
            pair.ring.disarm();
        }
    });
}

TYPED_TEST(RingNotifyTest, ArmingSeesWhatWasUsedBeforeIt) {
    this->in_every_format([](auto& pair, bool) {
        for (unsigned lap = 0; lap < 17; ++lap) {
            (void)pair.offer(2);
            const auto found = pair.available();
            // The driver has looked and found nothing; the device uses a buffer and sees no wish for an interrupt.
            EXPECT_TRUE(pair.take_all().empty());
            EXPECT_FALSE(pair.use_one(found[0]));
            EXPECT_FALSE(pair.ring.arm());
            EXPECT_EQ(pair.take_all().size(), 1U);
            EXPECT_TRUE(pair.ring.arm());
            pair.ring.disarm();
            pair.use_one(found[1]);
            EXPECT_EQ(pair.take_all().size(), 1U);
        }
    });
}

TYPED_TEST(RingNotifyTest, ArmingSeesWhatABurstLeftBehind) {
    this->in_every_format([](auto& pair, bool) {
        (void)pair.offer(2);
        for (const Available& buffer : pair.available()) pair.device.use(buffer, 0);
        pair.device.publish();
        Used used;
        ASSERT_TRUE(pair.ring.take(used));
        EXPECT_FALSE(pair.ring.arm());
        ASSERT_TRUE(pair.ring.take(used));
        EXPECT_TRUE(pair.ring.arm());
    });
}

// The event is where the device will write next, not where the oldest buffer lies.
TYPED_TEST(RingNotifyTest, ArmingWorksWhileAnOlderBufferIsOut) {
    this->in_any_order([](auto& pair, bool) {
        const std::array two{Segment{Iova{0x1000}, 1}, Segment{Iova{0x2000}, 1}};
        for (unsigned lap = 0; lap < 9; ++lap) {
            (void)pair.stage(1);
            pair.ring.add_chain(two, {});
            (void)pair.offer(2);
            const auto found = pair.available();
            ASSERT_EQ(found.size(), 4U);
            EXPECT_FALSE(pair.use_one(found[1]));
            EXPECT_EQ(pair.take_all().size(), 1U);
            EXPECT_TRUE(pair.ring.arm());
            EXPECT_TRUE(pair.use_one(found[3]));
            EXPECT_FALSE(pair.ring.arm());
            EXPECT_EQ(pair.take_all().size(), 1U);
            pair.ring.disarm();
            EXPECT_FALSE(pair.use_one(found[2]));
            EXPECT_FALSE(pair.use_one(found[0]));
            EXPECT_EQ(pair.take_all().size(), 2U);
            ASSERT_EQ(pair.ring.slots().free(), 16U);
        }
    });
}

TYPED_TEST(RingNotifyTest, ANewOrDisarmedRingIsQuiet) {
    this->in_every_format([](auto& pair, bool) {
        for (unsigned time = 0; time < 2; ++time) {
            for (unsigned lap = 0; lap < 100; ++lap) {
                (void)pair.offer(16);
                for (const Available& buffer : pair.available()) ASSERT_FALSE(pair.use_one(buffer));
                ASSERT_EQ(pair.take_all().size(), 16U);
            }
            EXPECT_TRUE(pair.ring.arm());
            pair.ring.disarm();
        }
    });
}

TYPED_TEST(RingNotifyTest, ABrokenRingCanBeArmed) {
    this->in_every_format([](auto& pair, bool) {
        (void)pair.offer(1);
        pair.device.use_id(17, 0);
        pair.device.publish();
        EXPECT_TRUE(pair.take_all().empty());
        EXPECT_EQ(pair.ring.fault(), RingFault::id_out_of_range);
        EXPECT_FALSE(pair.ring.has_used());
        EXPECT_TRUE(pair.ring.arm());  // no buffer to come back for: a sleeper is not sent round in circles
    });
}

}  // namespace
}  // namespace vmq::virtio
