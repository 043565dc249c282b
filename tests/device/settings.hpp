// What the driver has set by control commands, and which packets come through it. VIRTIO 1.3, 5.1.6.5.1 to 5.1.6.5.3,
// 5.1.6.5.9 and 5.1.6.5.10.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>

#include <vmq/coalescing.hpp>
#include <vmq/filter.hpp>

#include "driver/virtio/features.hpp"
#include "tests/device/control_queue.hpp"
#include "tests/device/violations.hpp"

namespace vmq::software {

// As after a reset. QEMU's device starts promiscuous, too.
struct Settings {
    ReceiveMode receive_mode;
    MacFilters mac_filters;
    std::set<std::uint16_t> vlans;
    std::map<std::uint16_t, CoalescingLimit> coalescing;  // by virtqueue
};

// Whether a packet for this device, whose address is `mac`, is handed to the driver.
[[nodiscard]] bool comes_through(const Settings& settings, virtio::FeatureSet features, const MacAddress& mac,
                                 std::span<const std::byte> packet);

// What the commands need to know.
struct CommandContext {
    Settings& settings;
    virtio::FeatureSet features;  // negotiated
    unsigned pairs;               // whose virtqueues are enabled
    std::uint16_t control_queue;
    std::uint64_t commands;
    std::uint64_t stats_types;  // that the device has
    Violations& violations;
};

// False: refused; what breaks a rule is a violation besides.
[[nodiscard]] bool set_receive_mode(const CommandContext& context, const ControlCommand& command);
[[nodiscard]] bool set_mac_filters(const CommandContext& context, const ControlCommand& command);
[[nodiscard]] bool set_vlan(const CommandContext& context, const ControlCommand& command);
[[nodiscard]] bool set_coalescing(const CommandContext& context, const ControlCommand& command);
[[nodiscard]] bool tell_stats(const CommandContext& context, ControlCommand& command);

// What the device says of counter number `place` of this type.
[[nodiscard]] constexpr std::uint64_t stats_value(std::uint16_t queue, std::uint8_t type, std::size_t place) {
    return (std::uint64_t{1} << 40) + queue * 10'000u + type * 100u + place;
}

}  // namespace vmq::software
