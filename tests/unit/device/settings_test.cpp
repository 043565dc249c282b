// The software device's settings: what it blames a driver for.
#include "tests/device/settings.hpp"

#include <gtest/gtest.h>

namespace vmq::software {
namespace {

using virtio::ControlClass;
using virtio::Feature;
using virtio::FeatureSet;

class DeviceSettings : public ::testing::Test {
protected:
    using Function = bool (*)(const CommandContext&, const ControlCommand&);

    CommandContext context() { return {settings, features, 2, 8, 7, 0x1000f000f, violations}; }
    static ControlCommand command(std::uint8_t number, std::vector<int> bytes) {
        ControlCommand command;
        command.command = number;
        for (const int byte : bytes) command.data.push_back(static_cast<std::byte>(byte));
        return command;
    }
    // Refused, with one violation.
    void expect_blamed(Function function, std::uint8_t number, const std::vector<int>& bytes) {
        const std::size_t before = violations.texts().size();
        EXPECT_FALSE(function(context(), command(number, bytes)));
        EXPECT_EQ(violations.texts().size(), before + 1) << unsigned{number} << ", " << bytes.size() << " bytes";
    }

    Settings settings;
    FeatureSet features{Feature::ctrl_rx,   Feature::ctrl_rx_extra, Feature::ctrl_vlan,
                        Feature::notf_coal, Feature::vq_notf_coal,  Feature::device_stats};
    Violations violations;
};

TEST_F(DeviceSettings, ReceiveModeIsAByteOfZeroOrOne) {
    EXPECT_TRUE(set_receive_mode(context(), command(0, {0})));
    EXPECT_FALSE(settings.receive_mode.promiscuous);
    EXPECT_TRUE(set_receive_mode(context(), command(5, {1})));
    EXPECT_TRUE(settings.receive_mode.no_broadcast);
    expect_blamed(set_receive_mode, 0, {});
    expect_blamed(set_receive_mode, 0, {2});
    expect_blamed(set_receive_mode, 0, {1, 0});
    expect_blamed(set_receive_mode, 6, {1});
    features.remove(Feature::ctrl_rx_extra);
    expect_blamed(set_receive_mode, 2, {1});
    features.remove(Feature::ctrl_rx);
    expect_blamed(set_receive_mode, 1, {1});
}

TEST_F(DeviceSettings, MacTablesAreAsLongAsTheySay) {
    EXPECT_TRUE(
        set_mac_filters(context(), command(0, {1, 0, 0, 0, 2, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0x5e, 0, 0, 1})));
    EXPECT_EQ(settings.mac_filters.unicast, (std::vector<MacAddress>{{2, 0, 0, 0, 0, 1}}));
    EXPECT_EQ(settings.mac_filters.multicast, (std::vector<MacAddress>{{1, 0, 0x5e, 0, 0, 1}}));
    expect_blamed(set_mac_filters, 0, {0, 0, 0, 0});
    expect_blamed(set_mac_filters, 0, {1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0});
    expect_blamed(set_mac_filters, 0, {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0});
    expect_blamed(set_mac_filters, 0, {0, 0, 0, 0, 0, 0, 0, 0, 0});
    expect_blamed(set_mac_filters, 0, {1, 0, 0, 0, 1, 0, 0x5e, 0, 0, 1, 0, 0, 0, 0});
    expect_blamed(set_mac_filters, 0, {0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 1});
    features.remove(Feature::ctrl_rx);
    expect_blamed(set_mac_filters, 0, {0, 0, 0, 0, 0, 0, 0, 0});
}

TEST_F(DeviceSettings, Vlans) {
    EXPECT_TRUE(set_vlan(context(), command(0, {5, 1})));
    EXPECT_EQ(settings.vlans, std::set<std::uint16_t>{261});
    EXPECT_TRUE(set_vlan(context(), command(1, {5, 1})));
    EXPECT_TRUE(settings.vlans.empty());
    expect_blamed(set_vlan, 0, {5});
    expect_blamed(set_vlan, 0, {0, 0x10});
    expect_blamed(set_vlan, 2, {5, 0});
    features.remove(Feature::ctrl_vlan);
    expect_blamed(set_vlan, 0, {5, 0});
}

TEST_F(DeviceSettings, CoalescingOfEnabledVirtqueues) {
    EXPECT_TRUE(set_coalescing(context(), command(1, {9, 0, 0, 0, 8, 0, 0, 0})));
    EXPECT_EQ(settings.coalescing[2], (CoalescingLimit{.usecs = 8, .packets = 9}));
    EXPECT_FALSE(settings.coalescing.contains(1));
    EXPECT_TRUE(set_coalescing(context(), command(2, {3, 0, 0, 0, 7, 0, 0, 0, 6, 0, 0, 0})));
    EXPECT_EQ(settings.coalescing[3], (CoalescingLimit{.usecs = 6, .packets = 7}));
    expect_blamed(set_coalescing, 2, {4, 0, 0, 0, 7, 0, 0, 0, 6, 0, 0, 0});
    expect_blamed(set_coalescing, 2, {3, 0, 0, 0, 7, 0, 0, 0});
    expect_blamed(set_coalescing, 0, {3, 0, 0, 0, 7, 0, 0});
    features.remove(Feature::vq_notf_coal);
    expect_blamed(set_coalescing, 2, {3, 0, 0, 0, 7, 0, 0, 0, 6, 0, 0, 0});
    features.remove(Feature::notf_coal);
    expect_blamed(set_coalescing, 0, {9, 0, 0, 0, 8, 0, 0, 0});
}

TEST_F(DeviceSettings, StatisticsOnlyOfWhatAVirtqueueHas) {
    const auto ask = [this](int queue, std::uint64_t types) {
        std::vector<int> bytes{queue, 0, 0, 0, 0, 0, 0, 0};
        for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<int>(types >> (8 * i) & 0xff));
        ControlCommand question = command(1, bytes);
        return tell_stats(context(), question) ? question.result.size() : 0;
    };
    EXPECT_EQ(ask(2, 0b1001), 56u + 24);
    EXPECT_EQ(ask(3, 0b1001u << 16), 56u + 24);
    EXPECT_EQ(ask(8, std::uint64_t{1} << 32), 24u);
    EXPECT_TRUE(violations.texts().empty());
    EXPECT_EQ(ask(2, 0), 0u);
    EXPECT_EQ(ask(3, 0b1001), 0u) << "of a receiveq";
    EXPECT_EQ(ask(2, 0b0010), 0u) << "needs GUEST_CSUM";
    EXPECT_EQ(ask(8, 1), 0u);
    EXPECT_EQ(ask(9, 1), 0u);
    EXPECT_EQ(ask(2, 0b10000), 0u);
    EXPECT_EQ(violations.texts().size(), 6u);
    features.add(Feature::guest_csum);
    EXPECT_EQ(ask(2, 0b0010), 40u);
}

}  // namespace
}  // namespace vmq::software
