// Link, MAC, MTU, speed and duplex: followed while the device runs. faults.md 27.
#include "tests/unit/net/settings_fixture.hpp"

namespace vmq {
namespace {

using software::ConfigValues;
using virtio::Feature;

class NetLiveConfig : public NetSettings {
protected:
    template <typename Change>
    void change(Change change) {
        const std::uint64_t before = vmq->stats().config_changes;
        device->change_config(change);
        EXPECT_TRUE(eventually([&] { return vmq->stats().config_changes == before + 1; }));
    }
};

TEST_F(NetLiveConfig, SpeedAndDuplexAreTold) {
    open(with_all());
    EXPECT_EQ(vmq->info().speed, 10'000u);
    EXPECT_EQ(vmq->info().full_duplex, true);
    open(without(with_all(), Feature::speed_duplex));
    EXPECT_FALSE(vmq->info().speed);
    EXPECT_FALSE(vmq->info().full_duplex);
}

TEST_F(NetLiveConfig, WhatIsOutOfBoundsIsUnknown) {
    software::NetConfig config = with_all();
    config.config.speed = 0xffffffff;
    config.config.duplex = 0xff;
    open(config);
    EXPECT_FALSE(vmq->info().speed);
    EXPECT_FALSE(vmq->info().full_duplex);
    change([](ConfigValues& values) {
        values.speed = 0x7fffffff;
        values.duplex = 0;
    });
    EXPECT_EQ(vmq->info().speed, 0x7fffffffu);
    EXPECT_EQ(vmq->info().full_duplex, false);
    change([](ConfigValues& values) { values.speed = 0x80000000; });
    EXPECT_FALSE(vmq->info().speed);
    change([](ConfigValues& values) { values.duplex = 2; });
    EXPECT_FALSE(vmq->info().full_duplex);
    EXPECT_TRUE(logged("speed 2147483647 Mbit/s"));
    EXPECT_TRUE(logged("duplex half"));
    EXPECT_TRUE(logged("speed unknown"));
    EXPECT_TRUE(logged("duplex unknown"));
}

TEST_F(NetLiveConfig, EveryChangeIsLoggedCountedAndTrafficGoesOn) {
    open(with_all());
    QueuePair pair = vmq->take_queue_pair(0);
    const auto expect_works = [&] {
        Batch batch;
        ASSERT_TRUE(device->inject(0, software::make_frame({1, 1}, 60)));
        ASSERT_EQ(pair.recv(batch), 1u);
        ASSERT_EQ(pair.send(batch), 1u);
        device->step();
        EXPECT_EQ(device->take_transmitted(0).size(), 1u);
    };
    change([](ConfigValues& values) { values.link_up = false; });
    EXPECT_FALSE(vmq->info().link_up);
    EXPECT_TRUE(logged("link down"));
    expect_works();
    change([](ConfigValues& values) { values.link_up = true; });
    EXPECT_TRUE(vmq->info().link_up);
    EXPECT_TRUE(logged("link up"));
    expect_works();
    change([](ConfigValues& values) { values.mac = other_mac; });
    EXPECT_EQ(vmq->info().mac, other_mac);
    EXPECT_TRUE(logged("MAC address 02:00:00:00:00:07"));
    expect_works();
    change([](ConfigValues& values) { values.mtu = 1400; });
    EXPECT_EQ(vmq->info().device_mtu, 1400u);
    EXPECT_EQ(vmq->info().mtu, 1500u);
    EXPECT_TRUE(logged("the device's MTU is now 1400"));
    expect_works();
}

TEST_F(NetLiveConfig, SeveralAtOnceAreOneChange) {
    open(with_all());
    change([](ConfigValues& values) {
        values.link_up = false;
        values.mac = other_mac;
        values.speed = 1;
    });
    EXPECT_TRUE(logged("speed 1 Mbit/s"));
    EXPECT_EQ(vmq->stats().config_changes, 1u);
}

TEST_F(NetLiveConfig, AFieldWithoutItsFeatureIsNotRead) {
    software::NetConfig config = with_all();
    for (const Feature feature : {Feature::status, Feature::mac, Feature::mtu, Feature::speed_duplex})
        config.features.remove(feature);
    open(config);
    device->change_config([](ConfigValues& values) {
        values.link_up = false;
        values.mac = other_mac;
        values.mtu = 70;
        values.speed = 1;
    });
    // The next change is seen after it, on the same thread.
    vmq->set_receive_mode({.promiscuous = false});
    const Info info = vmq->info();
    EXPECT_TRUE(info.link_up);
    EXPECT_FALSE(info.mac);
    EXPECT_FALSE(info.speed);
    EXPECT_EQ(info.device_mtu, 1500u);
    EXPECT_EQ(vmq->stats().config_changes, 0u);
}

}  // namespace
}  // namespace vmq
