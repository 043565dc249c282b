// Which packets arrive: receive mode, MAC table, VLANs, the device's own address.
#include <stdexcept>

#include "tests/unit/net/settings_fixture.hpp"

namespace vmq {
namespace {

using virtio::Feature;

class NetFilters : public NetSettings {
protected:
    void SetUp() override { open(with_all()); }
};

TEST_F(NetFilters, EverythingArrivesFromOpenOn) {
    EXPECT_TRUE(vmq->info().receive_mode.promiscuous);
    for (const MacAddress& to : {own_mac, strange_mac, group_mac, broadcast_mac}) EXPECT_TRUE(arrives(to));
    EXPECT_TRUE(arrives(strange_mac, 5)) << "of whatever VLAN";
}

TEST_F(NetFilters, OpenTellsTheDeviceToBePromiscuous) { EXPECT_EQ(device->commands(), 1u); }

TEST_F(NetFilters, ADeviceThatMayNotBePromiscuousIsOfUseAllTheSame) {
    vmq.reset();
    device.emplace(with_all());
    device->set_control({.refuse_from = 1, .refuse_to = 1});
    vmq.emplace(DeviceFactory::open(device->transport(), options));
    EXPECT_FALSE(vmq->info().receive_mode.promiscuous);
    EXPECT_TRUE(logged("refuses to be promiscuous"));
    vmq->set_receive_mode({.promiscuous = false, .all_multicast = true});
    EXPECT_EQ(device->commands(), 2u) << "it was not told again what it is";
}

TEST_F(NetFilters, NotPromiscuousItIsWhatAKernelsNicReceives) {
    vmq->set_receive_mode({.promiscuous = false});
    EXPECT_TRUE(arrives(own_mac));
    EXPECT_TRUE(arrives(broadcast_mac));
    EXPECT_FALSE(arrives(strange_mac));
    EXPECT_FALSE(arrives(group_mac));
}

TEST_F(NetFilters, EachMemberOfTheModeDoesWhatItSays) {
    const struct {
        ReceiveMode mode;
        bool own, strange, group, broadcast;
    } rows[] = {
        {{.promiscuous = false, .all_multicast = true}, true, false, true, true},
        {{.promiscuous = false, .all_unicast = true}, true, true, false, true},
        {{.promiscuous = false, .all_multicast = true, .no_multicast = true}, true, false, false, true},
        {{.promiscuous = false, .all_unicast = true, .no_unicast = true}, false, false, false, true},
        {{.promiscuous = false, .all_multicast = true, .no_broadcast = true}, true, false, true, false},
        {{.promiscuous = true, .no_multicast = true, .no_unicast = true, .no_broadcast = true}, true, true, true, true},
    };
    for (const auto& row : rows) {
        vmq->set_receive_mode(row.mode);
        EXPECT_EQ(vmq->info().receive_mode, row.mode);
        EXPECT_EQ(device->settings().receive_mode, row.mode);
        EXPECT_EQ(arrives(own_mac), row.own);
        EXPECT_EQ(arrives(strange_mac), row.strange);
        EXPECT_EQ(arrives(group_mac), row.group);
        EXPECT_EQ(arrives(broadcast_mac), row.broadcast);
    }
}

TEST_F(NetFilters, WhatIsSoAlreadyIsNotCommanded) {
    const auto before = device->commands();
    vmq->set_receive_mode({});
    vmq->remove_vlan(3);
    EXPECT_EQ(device->commands(), before);
    vmq->set_receive_mode({.promiscuous = false});
    vmq->add_vlan(3);
    vmq->add_vlan(3);
    EXPECT_EQ(device->commands(), before + 2);
}

TEST_F(NetFilters, TheTablesAddresses) {
    vmq->set_receive_mode({.promiscuous = false});
    vmq->set_mac_filters({{strange_mac, other_mac}, {group_mac}});
    EXPECT_TRUE(arrives(strange_mac));
    EXPECT_TRUE(arrives(other_mac));
    EXPECT_TRUE(arrives(group_mac));
    EXPECT_TRUE(arrives(own_mac));
    vmq->set_mac_filters({{}, {group_mac}});
    EXPECT_FALSE(arrives(strange_mac));
    EXPECT_TRUE(arrives(group_mac));
    EXPECT_EQ(vmq->info().mac_filters.multicast, std::vector{group_mac});
    vmq->set_mac_filters({});
    EXPECT_FALSE(arrives(group_mac));
    EXPECT_TRUE(arrives(own_mac));
}

TEST_F(NetFilters, AFullTableIsTakenAndOneMoreRefused) {
    vmq->set_receive_mode({.promiscuous = false});
    MacFilters filters;
    for (unsigned i = 0; i < MacFilters::most; ++i)
        filters.unicast.push_back({2, 1, 1, 1, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)});
    vmq->set_mac_filters(filters);
    EXPECT_TRUE(arrives(filters.unicast.back()));
    EXPECT_EQ(device->settings().mac_filters.unicast, filters.unicast);
    filters.multicast.push_back(group_mac);
    EXPECT_EQ(error_of([&] { vmq->set_mac_filters(filters); }), make_error_code(Errc::out_of_range));
    EXPECT_TRUE(device->settings().mac_filters.multicast.empty());
}

TEST_F(NetFilters, AnAddressOfTheWrongKindIsTheCallersMistake) {
    const auto before = device->commands();
    EXPECT_THROW(vmq->set_mac_filters({{group_mac}, {}}), std::invalid_argument);
    EXPECT_THROW(vmq->set_mac_filters({{}, {own_mac}}), std::invalid_argument);
    EXPECT_THROW(vmq->set_mac(group_mac), std::invalid_argument);
    EXPECT_THROW(vmq->set_mac({}), std::invalid_argument);
    EXPECT_EQ(device->commands(), before);
}

TEST_F(NetFilters, AnotherMacAddress) {
    vmq->set_receive_mode({.promiscuous = false});
    vmq->set_mac(other_mac);
    EXPECT_EQ(vmq->info().mac, other_mac);
    EXPECT_TRUE(arrives(other_mac));
    EXPECT_FALSE(arrives(own_mac));
    EXPECT_EQ(vmq->stats().config_changes, 0u) << "it was the driver's change";
    EXPECT_TRUE(logged("MAC address 02:00:00:00:00:07"));
}

// 5.1.6.5.2: no command of CTRL_MAC's class without CTRL_RX.
TEST_F(NetFilters, TheMacAddressNeedsBothFeatures) {
    open(without(with_all(), Feature::ctrl_rx));
    std::string what;
    EXPECT_EQ(error_of([&] { vmq->set_mac(other_mac); }, &what), make_error_code(Errc::unsupported));
    EXPECT_NE(what.find("does not offer CTRL_RX"), std::string::npos) << what;
}

TEST_F(NetFilters, ADeviceWithoutAMacOfItsOwnIsGivenOne) {
    open(without(with_all(), Feature::mac));
    EXPECT_FALSE(vmq->info().mac);
    vmq->set_mac(other_mac);
    EXPECT_EQ(vmq->info().mac, other_mac);
}

TEST_F(NetFilters, OnlyTheVlansThatWereAdded) {
    vmq->set_receive_mode({.promiscuous = false});
    EXPECT_FALSE(arrives(own_mac, 5));
    vmq->add_vlan(5);
    vmq->add_vlan(4094);
    EXPECT_TRUE(arrives(own_mac, 5));
    EXPECT_TRUE(arrives(own_mac, 4094));
    EXPECT_FALSE(arrives(own_mac, 6));
    EXPECT_FALSE(arrives(strange_mac, 5));
    EXPECT_TRUE(arrives(own_mac));
    EXPECT_EQ(vmq->info().vlans, (std::vector<std::uint16_t>{5, 4094}));
    vmq->remove_vlan(5);
    EXPECT_FALSE(arrives(own_mac, 5));
    EXPECT_EQ(vmq->info().vlans, (std::vector<std::uint16_t>{4094}));
    EXPECT_EQ(error_of([&] { vmq->add_vlan(4095); }), make_error_code(Errc::out_of_range));
    EXPECT_EQ(error_of([&] { vmq->remove_vlan(65536 + 4094); }), make_error_code(Errc::out_of_range));
}

TEST_F(NetFilters, WithoutVlanFilteringAllVlansArrive) {
    open(without(with_all(), Feature::ctrl_vlan));
    vmq->set_receive_mode({.promiscuous = false});
    EXPECT_TRUE(arrives(own_mac, 5));
}

}  // namespace
}  // namespace vmq
