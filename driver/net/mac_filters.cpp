// The device's MAC address, and the table of further addresses that it receives for. VIRTIO 1.3, 5.1.6.5.2.
#include <cstring>
#include <stdexcept>
#include <string>

#include <vmq/error.hpp>

#include "driver/net/net_device.hpp"
#include "driver/support/errors.hpp"

namespace vmq::net {

using virtio::ControlClass;
using virtio::Feature;

namespace {

bool is_multicast(const MacAddress& mac) { return (mac[0] & 1) != 0; }

void require_kind(const MacAddress& mac, bool multicast) {
    const bool zero = mac == MacAddress{};
    if (is_multicast(mac) != multicast || zero)
        throw std::invalid_argument(to_string(mac) + " is no " + (multicast ? "multicast" : "unicast") + " address");
}

void append(std::vector<std::byte>& data, const std::vector<MacAddress>& macs) {
    const support::le32 entries{static_cast<std::uint32_t>(macs.size())};
    const std::size_t begin = data.size();
    data.resize(begin + sizeof entries + macs.size() * sizeof(MacAddress));
    std::memcpy(data.data() + begin, &entries, sizeof entries);
    if (!macs.empty()) std::memcpy(data.data() + begin + sizeof entries, macs.data(), macs.size() * sizeof(MacAddress));
}

}  // namespace

void NetDevice::set_mac(const MacAddress& mac) {
    require_kind(mac, false);
    require_feature(Feature::ctrl_mac_addr, "MAC address");
    // 5.1.6.5.2: no command of this class without it.
    require_feature(Feature::ctrl_rx, "MAC address");
    require_commands("MAC address");
    command_mac(mac);
    settings_.mac = mac;
    // Where the device shows it, that is no change of its own.
    if (live_.mac) live_.mac = mac;
    log(LogLevel::info, name_ + ": MAC address " + to_string(mac));
}

void NetDevice::put_mac_in_force() {
    if (settings_.mac) command_mac(*settings_.mac);
}

void NetDevice::command_mac(const MacAddress& mac) {
    command(ControlClass::mac, virtio::mac_command::addr_set, std::as_bytes(std::span{mac}),
            "VIRTIO_NET_CTRL_MAC_ADDR_SET " + to_string(mac));
}

void NetDevice::set_mac_filters(const MacFilters& filters) {
    for (const MacAddress& mac : filters.unicast) require_kind(mac, false);
    for (const MacAddress& mac : filters.multicast) require_kind(mac, true);
    require_feature(Feature::ctrl_rx, "MAC filters");
    if (const std::size_t count = filters.unicast.size() + filters.multicast.size(); count > MacFilters::most) {
        support::fail(Errc::out_of_range, name_ + ": " + std::to_string(count) + " MAC filters, at most " +
                                              std::to_string(MacFilters::most) + " are possible");
    }
    require_commands("MAC filters");
    command_mac_filters(filters);
    settings_.mac_filters = filters;
}

void NetDevice::put_mac_filters_in_force() {
    const MacFilters& filters = settings_.mac_filters;
    if (!filters.unicast.empty() || !filters.multicast.empty()) command_mac_filters(filters);
}

void NetDevice::command_mac_filters(const MacFilters& filters) {
    std::vector<std::byte> data;
    append(data, filters.unicast);
    append(data, filters.multicast);
    command(ControlClass::mac, virtio::mac_command::table_set, data, "VIRTIO_NET_CTRL_MAC_TABLE_SET");
}

}  // namespace vmq::net
