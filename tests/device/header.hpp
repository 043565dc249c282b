// How long the header in front of every packet is. VIRTIO 1.3, 5.1.6.
#pragma once

#include <cstddef>

#include "driver/virtio/features.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::software {

[[nodiscard]] inline std::size_t net_header_size(virtio::FeatureSet features) {
    using virtio::Feature;
    if (features.has(Feature::hash_report)) return sizeof(virtio::NetHashHeader);
    // 5.1.6.1: without both, num_buffers is not there.
    const bool has_num_buffers = features.has(Feature::mrg_rxbuf) || features.has(Feature::version_1);
    return sizeof(virtio::NetHeader) - (has_num_buffers ? 0 : sizeof(virtio::le16));
}

// 5.1.6.6: a legacy driver that has not accepted ANY_LAYOUT gives the header a descriptor of its own.
[[nodiscard]] inline bool net_header_is_apart(virtio::FeatureSet features) {
    return !features.has(virtio::Feature::version_1) && !features.has(virtio::Feature::any_layout);
}

}  // namespace vmq::software
