// Doorbells and interrupts of the software device, in every form in which either side can ask for fewer.
#include <gtest/gtest.h>

#include "tests/unit/device/bare_driver.hpp"

namespace vmq::software {
namespace {

class DeviceNotification : public ::testing::TestWithParam<BareRings> {
protected:
    // A packet staged on transmitq 0 and published; true: the device asked to be notified.
    bool publish_packet(std::uint16_t buffer) {
        BareQueue& queue = driver.transmitq(0);
        std::memset(queue.buffer(buffer), 0, 100);
        queue.ring->add_readable(queue.address(buffer), 100);
        return queue.ring->publish();
    }
    template <typename Use>
    void with_ring(Use use) {
        device.with_lane(0, [&](Lane& lane) { use(lane.transmit_ring); });
    }

    NetDevice device{{.features = GetParam().features()}};
    BareDriver driver{device, {.features = GetParam().features()}};
    Frame frame = make_frame({}, 60);
};

class DeviceEvents : public DeviceNotification {};
class DevicePackedEvents : public DeviceNotification {};

TEST_P(DeviceNotification, OnlyRungQueuesAreServedAndAMissingRingIsBlamed) {
    ASSERT_TRUE(publish_packet(0));
    EXPECT_FALSE(device.step_notified());
    ASSERT_EQ(device.violations().size(), 1u);
    EXPECT_EQ(device.violations()[0], "transmitq0: not notified of what it asked to be told");
    driver.transmitq(0).doorbell.ring(0);
    EXPECT_TRUE(device.step_notified());
    EXPECT_EQ(device.notifications(1), 1u);
    EXPECT_EQ(device.violations().size(), 1u);
}

TEST_P(DeviceNotification, SuppressedWhileNotWanted) {
    with_ring([](Virtqueue& ring) { EXPECT_TRUE(ring.want_notifications(false)); });
    driver.send(0, frame);
    EXPECT_FALSE(device.step_notified());
    with_ring([](Virtqueue& ring) { EXPECT_FALSE(ring.want_notifications(true)); });
    EXPECT_TRUE(device.step());
    driver.send(0, frame, 1);
    EXPECT_TRUE(device.step_notified());
    EXPECT_TRUE(device.violations().empty()) << device.violations()[0];
}

TEST_P(DeviceEvents, AskedForAtOnePlaceOnly) {
    // At any place of the ring, over its end and back.
    for (int round = 0; round < 50; ++round) {
        with_ring([](Virtqueue& ring) { EXPECT_TRUE(ring.want_notification_after(3)); });
        for (std::uint16_t i = 0; i < 5; ++i) EXPECT_EQ(publish_packet(i), i == 3) << "round " << round;
        EXPECT_FALSE(device.step_notified()) << "nobody rang";
        EXPECT_EQ(device.violations().size(), static_cast<std::size_t>(round) + 1);
        EXPECT_TRUE(device.step());
        while (driver.transmitq(0).ring->take_used()) continue;
    }
}

TEST_P(DevicePackedEvents, AskedForByFlagsWhereAPlaceCouldBeNamed) {
    device.with_lane(0, [](Lane& lane) { lane.transmit_ring.ask_without_events(); });
    with_ring([](Virtqueue& ring) { EXPECT_TRUE(ring.want_notifications(true)); });
    EXPECT_EQ(driver.transmitq(0).packed().device_event().flags.value(), virtio::event_flags::enable);
    for (std::uint16_t i = 0; i < 3; ++i) EXPECT_TRUE(publish_packet(i));
    with_ring([](Virtqueue& ring) { EXPECT_TRUE(ring.want_notifications(false)); });
    EXPECT_FALSE(publish_packet(3));
}

TEST_P(DeviceNotification, InterruptsOnlyWhenArmed) {
    driver.fill_receiveq(0);
    BareRing& ring = *driver.receiveq(0).ring;
    // Often enough for the places to be everywhere in the ring.
    for (unsigned i = 0; i < 50; ++i) {
        ring.disarm();
        ASSERT_TRUE(device.inject(0, frame));
        EXPECT_EQ(driver.vectors[0].drain(), 0u);
        EXPECT_FALSE(ring.arm()) << "one is there already";
        ASSERT_TRUE(driver.receive(0));
        ASSERT_TRUE(ring.arm());
        ASSERT_TRUE(device.inject(0, frame));
        EXPECT_EQ(driver.vectors[0].drain(), 1u);
        EXPECT_EQ(device.interrupts().count(0), i + 1);
        ASSERT_TRUE(driver.receive(0));
    }
    EXPECT_TRUE(device.violations().empty()) << device.violations()[0];
}

TEST_P(DeviceNotification, InterruptModes) {
    driver.fill_receiveq(0);
    ASSERT_TRUE(driver.receiveq(0).ring->arm());
    device.interrupts().set_mode(InterruptMode::lost);
    ASSERT_TRUE(device.inject(0, frame));
    EXPECT_EQ(driver.vectors[0].drain(), 0u);

    device.interrupts().set_mode(InterruptMode::storm);
    driver.receiveq(0).ring->disarm();
    device.step();
    EXPECT_GE(driver.vectors[0].drain(), 100u);

    device.interrupts().set_mode(InterruptMode::normal);
    device.interrupts().raise({3});
    EXPECT_EQ(driver.vectors[3].drain(), 1u);
}

TEST_P(DeviceNotification, NonsenseInTheDriversAreaIsBlamed) {
    driver.fill_receiveq(0);
    BareQueue& queue = driver.receiveq(0);
    const auto blamed = [&] {
        EXPECT_TRUE(device.inject(0, frame));
        return device.violations().empty() ? std::string{} : device.violations().back();
    };
    if (!GetParam().packed) {
        queue.split().available().flags = 1;
        EXPECT_EQ(blamed(), GetParam().event_idx ? "receiveq0: available flags are 1 with EVENT_IDX" : "");
        return;
    }
    queue.packed().driver_event().flags = 3;
    EXPECT_EQ(blamed(), "receiveq0: driver event flags are 3");
    queue.packed().driver_event().flags = virtio::event_flags::desc;
    queue.packed().driver_event().desc = 16;
    EXPECT_EQ(blamed(),
              GetParam().event_idx ? "receiveq0: driver event offset is 16" : "receiveq0: driver event flags are 2");
}

INSTANTIATE_TEST_SUITE_P(Rings, DeviceNotification, ::testing::ValuesIn(all_bare_rings), ring_name);
INSTANTIATE_TEST_SUITE_P(Rings, DeviceEvents,
                         ::testing::ValuesIn(bare_rings([](const BareRings& rings) { return rings.event_idx; })),
                         ring_name);
INSTANTIATE_TEST_SUITE_P(Rings, DevicePackedEvents, ::testing::ValuesIn(bare_rings([](const BareRings& rings) {
                             return rings.packed && rings.event_idx;
                         })),
                         ring_name);

TEST(DeviceConfigInterrupt, FollowsAChange) {
    NetDevice device;
    BareDriver driver{device};
    ASSERT_TRUE(driver.transport->set_config_vector({4}));
    device.change_config([](ConfigValues& values) { values.link_up = false; });
    EXPECT_EQ(driver.vectors[4].drain(), 1u);
    device.need_reset();
    EXPECT_EQ(driver.vectors[4].drain(), 1u);
    EXPECT_NE(driver.transport->status() & virtio::device_status::needs_reset, 0);
}

}  // namespace
}  // namespace vmq::software
