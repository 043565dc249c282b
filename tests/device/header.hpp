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

}  // namespace vmq::software
