// What the software device says of drivers that initialise it rightly and wrongly.
#include <algorithm>
#include <system_error>

#include <gtest/gtest.h>

#include <vmq/error.hpp>

#include "tests/unit/device/bare_driver.hpp"

namespace vmq::software {
namespace {

namespace bits = virtio::device_status;

bool mentions(const std::vector<std::string>& texts, const std::string& words) {
    return std::any_of(texts.begin(), texts.end(),
                       [&](const std::string& text) { return text.find(words) != std::string::npos; });
}

TEST(DeviceInitialisation, AnObedientDriverIsNotBlamed) {
    NetDevice device;
    {
        BareDriver driver{device};
        EXPECT_EQ(device.status(), 15);
        EXPECT_EQ(device.pairs_in_use(), 1u);
        EXPECT_EQ(device.features(), usual_features);
    }
    EXPECT_EQ(device.status(), 0);
    EXPECT_EQ(device.memory().live_blocks(), 0u);
    EXPECT_TRUE(device.violations().empty()) << device.violations()[0];
}

TEST(DeviceInitialisation, FeaturesAreChecked) {
    NetDevice device;
    const auto transport = device.transport();
    transport->set_status(bits::acknowledge | bits::driver);
    virtio::FeatureSet orphan = usual_features;
    orphan.remove(virtio::Feature::ctrl_vq);
    transport->set_driver_features(orphan);
    transport->set_status(bits::acknowledge | bits::driver | bits::features_ok);
    EXPECT_EQ(transport->status(), bits::acknowledge | bits::driver);
    EXPECT_TRUE(mentions(device.violations(), "MQ accepted without its base"));

    transport->set_driver_features(virtio::FeatureSet{virtio::Feature::ring_packed});
    EXPECT_TRUE(mentions(device.violations(), "not offered"));
}

TEST(DeviceInitialisation, RefusesOnRequest) {
    NetDevice device{{.refuse_features = true}};
    const auto transport = device.transport();
    transport->set_status(bits::acknowledge | bits::driver);
    transport->set_driver_features(usual_features);
    transport->set_status(bits::acknowledge | bits::driver | bits::features_ok);
    EXPECT_EQ(transport->status() & bits::features_ok, 0);
    EXPECT_TRUE(device.violations().empty());
}

TEST(DeviceInitialisation, OrderIsChecked) {
    NetDevice device;
    const auto transport = device.transport();
    transport->set_driver_features(usual_features);
    EXPECT_TRUE(mentions(device.violations(), "features written before DRIVER"));
    const BareQueue queue{*transport, 0, 16, usual_features, 0};
    static_cast<void>(transport->enable_queue({0}, queue.ring->config(virtio::no_vector)));
    EXPECT_TRUE(mentions(device.violations(), "virtqueue 0 enabled outside"));
    transport->set_status(bits::acknowledge | bits::driver | bits::driver_ok);
    EXPECT_TRUE(mentions(device.violations(), "DRIVER_OK before FEATURES_OK"));
    transport->set_status(bits::acknowledge);
    EXPECT_TRUE(mentions(device.violations(), "cleared without a reset"));
    transport->reset();
}

TEST(DeviceInitialisation, NotifyingBeforeDriverOkIsBlamed) {
    NetDevice device;
    const auto transport = device.transport();
    transport->set_status(bits::acknowledge);
    transport->doorbell({0}).ring(0);
    EXPECT_FALSE(device.step());
    EXPECT_TRUE(mentions(device.violations(), "virtqueue 0 notified before DRIVER_OK"));
}

TEST(DeviceInitialisation, ControlQueueComesAfterTheFirstPairWithoutMultiqueue) {
    NetDevice device{{.serve_control_queue = false}};
    const auto transport = device.transport();
    virtio::FeatureSet features = usual_features;
    features.remove(virtio::Feature::mq);
    transport->set_status(bits::acknowledge | bits::driver);
    transport->set_driver_features(features);
    transport->set_status(bits::acknowledge | bits::driver | bits::features_ok);
    BareQueue queue{*transport, 2, 16, features, 0};
    EXPECT_TRUE(transport->enable_queue({2}, queue.ring->config(virtio::no_vector)));
    transport->set_status(bits::acknowledge | bits::driver | bits::features_ok | bits::driver_ok);
    device.change_config([](ConfigValues& values) { values.announce = true; });
    const std::array<std::byte, 2> acknowledge_announce{std::byte{3}, std::byte{0}};
    std::memcpy(queue.buffer(0), acknowledge_announce.data(), 2);
    *queue.buffer(1) = std::byte{0xaa};
    const std::array<BareElement, 2> elements{
        {{queue.address(0), 2, false}, {.address = queue.address(1), .length = 1, .device_writes = true}}};
    queue.ring->add(elements);
    queue.publish();
    EXPECT_TRUE(device.step_notified());
    EXPECT_EQ(*queue.buffer(1), std::byte{0});
    EXPECT_TRUE(device.violations().empty());
    transport->reset();
}

TEST(DeviceInitialisation, VectorsAreGrantedAndRefusedAsConfigured) {
    NetDevice device{{.granted_vectors = 2, .refused_vectors = {1}}};
    const auto transport = device.transport();
    const std::array fds{device.transport()->request_event_fd(), -1, -1};
    EXPECT_EQ(transport->enable_vectors(fds), 2u);
    EXPECT_EQ(device.interrupts().connected(), 0u);
    EXPECT_EQ(transport->enable_vectors(std::span{fds}.first(2)), 2u);
    EXPECT_TRUE(transport->set_config_vector({0}));
    EXPECT_FALSE(transport->set_config_vector({1}));
    EXPECT_TRUE(device.violations().empty());
    static_cast<void>(transport->set_config_vector({2}));
    EXPECT_TRUE(mentions(device.violations(), "not connected"));
}

TEST(DeviceInitialisation, AResetThatNeverEndsThrows) {
    NetDevice device{{.never_resets = true, .reset_deadline = std::chrono::milliseconds{5}}};
    try {
        device.transport()->reset();
        FAIL();
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), Errc::device_timeout);
    }
}

TEST(DeviceInitialisation, ConfigurationCarriesTheValues) {
    NetConfig config;
    config.config.mtu = 9000;
    NetDevice device{config};
    const auto transport = device.transport();
    std::array<std::byte, 12> bytes{};
    transport->read_config(0, bytes);
    EXPECT_EQ(bytes[0], std::byte{0x52});
    EXPECT_EQ(bytes[6], std::byte{1});
    EXPECT_EQ(bytes[8], std::byte{4});
    EXPECT_EQ(std::to_integer<int>(bytes[10]) + 256 * std::to_integer<int>(bytes[11]), 9000);
    EXPECT_THROW(transport->read_config(20, bytes), std::system_error);
    device.change_config([](ConfigValues& values) { values.never_stable = true; });
    EXPECT_THROW(transport->read_config(0, bytes), std::system_error);
    device.remove();
    transport->read_config(0, bytes);
    EXPECT_EQ(bytes[0], std::byte{0xff});
    EXPECT_THROW(static_cast<void>(transport->status()), std::system_error);
}

}  // namespace
}  // namespace vmq::software
