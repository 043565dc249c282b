// Which packets a device hands over. VIRTIO 1.3, 5.1.6.5.1 to 5.1.6.5.3. All of it is a wish: a device may still hand
// over packets that nobody asked for.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace vmq {

using MacAddress = std::array<std::uint8_t, 6>;

// As it is from open on: everything arrives. Without `promiscuous` it is what arrives at a kernel's NIC: packets to the
// device's own MAC, to those of MacFilters, and to all (broadcast).
struct ReceiveMode {
    bool promiscuous = true;     // everything, whatever the other members and the filters say
    bool all_multicast = false;  // every multicast packet
    // These need CTRL_RX_EXTRA.
    bool all_unicast = false;  // every unicast packet
    bool no_multicast = false;
    bool no_unicast = false;
    bool no_broadcast = false;

    bool operator==(const ReceiveMode&) const = default;
};

// Further addresses that packets are received for, beside the device's own.
struct MacFilters {
    static constexpr unsigned most = 256;  // of both kinds together; a device may take more than it can tell apart

    std::vector<MacAddress> unicast{};
    std::vector<MacAddress> multicast{};
};

}  // namespace vmq
