// What the virtio-net header in front of a packet says about checksum and segments. VIRTIO 1.3, 5.1.6.
#pragma once

#include <cstddef>

#include <vmq/offload.hpp>

#include "driver/net/offload/headers.hpp"
#include "driver/virtio/features.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::net::offload {

// Of a received packet of `length` bytes. The header is the device's: what makes no sense for the length is left out.
[[nodiscard]] Offload told_by(const virtio::NetHeader& header, std::size_t length) noexcept;
[[nodiscard]] ChecksumState checksum_told_by(const virtio::NetHeader& header, std::size_t length) noexcept;

// What the device does with packets that are sent.
class SendOffloads {
public:
    explicit SendOffloads(virtio::FeatureSet features = {}) noexcept : features_(features) {}

    [[nodiscard]] bool checksum() const noexcept { return features_.has(virtio::Feature::csum); }
    // Cuts a packet with these headers.
    [[nodiscard]] bool segments(const Headers& headers) const noexcept;

private:
    virtio::FeatureSet features_;
};

// Asks for a checksum, and for segments too. 5.1.6.2.1
[[nodiscard]] virtio::NetHeader checksum_request(std::size_t start, std::size_t offset) noexcept;
[[nodiscard]] virtio::NetHeader segment_request(const Headers& headers, std::uint16_t segment_size) noexcept;

}  // namespace vmq::net::offload
