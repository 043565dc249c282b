// What driver and device agree on before the first virtqueue: features and the device's configuration.
// VIRTIO 1.3, 5.1.3, 5.1.4.
#pragma once

#include <cstdint>
#include <optional>

#include <vmq/info.hpp>
#include <vmq/options.hpp>
#include <vmq/rss.hpp>

#include "driver/net/packet_pool.hpp"
#include "driver/virtio/features.hpp"
#include "driver/virtio/transport.hpp"

namespace vmq::net {

// The features by which a device puts received segments together.
inline constexpr virtio::FeatureSet receive_coalescing{virtio::Feature::guest_tso4, virtio::Feature::guest_tso6,
                                                       virtio::Feature::guest_ecn, virtio::Feature::guest_uso4,
                                                       virtio::Feature::guest_uso6};

struct NetConfig {
    std::uint16_t mtu = 1500;
    std::uint16_t device_mtu = 0;  // up to which packets may arrive; 0: it tells none
    std::uint16_t max_queue_pairs = 1;
    std::optional<RssLimits> rss;  // with RSS or HASH_REPORT
};

// The features to accept of those offered, none that goes together badly with another. Throws std::invalid_argument for
// a refused feature that does not exist. Says in the log what it leaves out because the device contradicts itself.
[[nodiscard]] virtio::FeatureSet choose_features(virtio::Transport& transport, virtio::FeatureSet offered,
                                                 const Options& options);

// What the header in front of each packet is like then.
[[nodiscard]] HeaderForm header_form(virtio::FeatureSet features) noexcept;

// Reads what the negotiated features make valid.
[[nodiscard]] NetConfig read_net_config(virtio::Transport& transport, virtio::FeatureSet features);

}  // namespace vmq::net
