// Doorbells and interrupts of the software device.
#include <gtest/gtest.h>

#include "tests/unit/device/bare_driver.hpp"

namespace vmq::software {
namespace {

virtio::FeatureSet features_with(bool event_idx) {
    virtio::FeatureSet features = usual_features;
    if (!event_idx) features.remove(virtio::Feature::event_idx);
    return features;
}

class DeviceNotification : public ::testing::TestWithParam<bool> {
protected:
    NetDevice device;
    BareDriver driver{device, {.features = features_with(GetParam())}};
    Frame frame = make_frame({}, 60);
};

TEST_P(DeviceNotification, OnlyRungQueuesAreServed) {
    BareQueue& queue = driver.transmitq(0);
    std::memset(queue.buffer(0), 0, 100);
    queue.ring.add_readable(queue.segment(0, 100));
    ASSERT_TRUE(queue.ring.publish());
    EXPECT_FALSE(device.step_notified());
    queue.doorbell.ring();
    EXPECT_TRUE(device.step_notified());
    EXPECT_EQ(device.notifications(1), 1u);
}

TEST_P(DeviceNotification, SuppressedWhileNotWanted) {
    device.with_lane(0, [](Lane& lane) { EXPECT_TRUE(lane.transmit_ring.want_notifications(false)); });
    driver.send(0, frame);
    EXPECT_FALSE(device.step_notified());
    device.with_lane(0, [](Lane& lane) { EXPECT_FALSE(lane.transmit_ring.want_notifications(true)); });
    EXPECT_TRUE(device.step());
    driver.send(0, frame, 1);
    EXPECT_TRUE(device.step_notified());
}

TEST_P(DeviceNotification, InterruptsOnlyWhenArmed) {
    driver.fill_receiveq(0);
    driver.receiveq(0).ring.disarm();
    ASSERT_TRUE(device.inject(0, frame));
    EXPECT_EQ(driver.vectors[0].drain(), 0u);
    ASSERT_TRUE(driver.receive(0));
    ASSERT_TRUE(driver.receiveq(0).ring.arm());
    ASSERT_TRUE(device.inject(0, frame));
    EXPECT_EQ(driver.vectors[0].drain(), 1u);
    EXPECT_EQ(device.interrupts().count(0), 1u);
}

TEST_P(DeviceNotification, InterruptModes) {
    driver.fill_receiveq(0);
    ASSERT_TRUE(driver.receiveq(0).ring.arm());
    device.interrupts().set_mode(InterruptMode::lost);
    ASSERT_TRUE(device.inject(0, frame));
    EXPECT_EQ(driver.vectors[0].drain(), 0u);

    device.interrupts().set_mode(InterruptMode::storm);
    driver.receiveq(0).ring.disarm();
    device.step();
    EXPECT_GE(driver.vectors[0].drain(), 100u);

    device.interrupts().set_mode(InterruptMode::normal);
    device.interrupts().raise({3});
    EXPECT_EQ(driver.vectors[3].drain(), 1u);
}

INSTANTIATE_TEST_SUITE_P(EventIdx, DeviceNotification, ::testing::Bool());

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
