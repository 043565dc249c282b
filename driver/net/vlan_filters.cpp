// The VLANs whose packets the device hands over. VIRTIO 1.3, 5.1.6.5.3.
#include <string>

#include <vmq/error.hpp>

#include "driver/net/net_device.hpp"
#include "driver/support/errors.hpp"

namespace vmq::net {

namespace {

constexpr unsigned largest_vlan = 4094;  // 4095 is reserved

}  // namespace

void NetDevice::add_vlan(unsigned id) { change_vlan(id, true); }
void NetDevice::remove_vlan(unsigned id) { change_vlan(id, false); }

void NetDevice::change_vlan(unsigned id, bool add) {
    const std::string what = "VLAN " + std::to_string(id);
    if (id > largest_vlan)
        support::fail(Errc::out_of_range, name_ + ": " + what + ", the last one is " + std::to_string(largest_vlan));
    require_feature(virtio::Feature::ctrl_vlan, what);
    const auto vlan = static_cast<std::uint16_t>(id);
    if (settings_.vlans.contains(vlan) == add) return;
    require_commands(what);
    command_vlan(vlan, add);
    if (add)
        settings_.vlans.insert(vlan);
    else
        settings_.vlans.erase(vlan);
}

void NetDevice::put_vlans_in_force() {
    for (const std::uint16_t vlan : settings_.vlans) command_vlan(vlan, true);
}

void NetDevice::command_vlan(std::uint16_t vlan, bool add) {
    const support::le16 id{vlan};
    command(virtio::ControlClass::vlan, add ? virtio::vlan_command::add : virtio::vlan_command::del,
            std::as_bytes(std::span{&id, 1}),
            std::string("VIRTIO_NET_CTRL_VLAN_") + (add ? "ADD " : "DEL ") + std::to_string(vlan));
}

}  // namespace vmq::net
