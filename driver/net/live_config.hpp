// The part of the device configuration that may change while the device runs. VIRTIO 1.3, 5.1.4.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <vmq/filter.hpp>

#include "driver/virtio/features.hpp"
#include "driver/virtio/transport.hpp"

namespace vmq::net {

// A field is only there with its feature.
struct LiveConfig {
    bool link_up = true;  // without STATUS it is to be taken as up (5.1.4.2)
    bool announce = false;
    std::optional<MacAddress> mac;
    std::optional<std::uint16_t> mtu;
    std::optional<std::uint32_t> speed;  // Mbit/s; nothing: unknown
    std::optional<bool> full_duplex;
};

[[nodiscard]] LiveConfig read_live_config(virtio::Transport& transport, virtio::FeatureSet features);

// What differs, a line for each: "link down". The announce bit is an order and no difference.
[[nodiscard]] std::vector<std::string> differences(const LiveConfig& before, const LiveConfig& now);

}  // namespace vmq::net
