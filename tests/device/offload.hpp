// What a device does with packets that ask for a checksum or for segments: slowly, byte by byte, from the headers'
// definitions. VIRTIO 1.3, 5.1.6.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "driver/virtio/features.hpp"
#include "driver/virtio/spec.hpp"
#include "tests/device/frame.hpp"

namespace vmq::software {

// The features by which the driver lets the device change what it delivers.
inline constexpr virtio::FeatureSet receive_offload_features{virtio::Feature::guest_csum, virtio::Feature::guest_tso4,
                                                             virtio::Feature::guest_tso6, virtio::Feature::guest_ecn,
                                                             virtio::Feature::guest_uso4, virtio::Feature::guest_uso6};
// Those by which the device lets the driver ask.
inline constexpr virtio::FeatureSet send_offload_features{virtio::Feature::csum,      virtio::Feature::host_tso4,
                                                          virtio::Feature::host_tso6, virtio::Feature::host_ecn,
                                                          virtio::Feature::host_uso,  virtio::Feature::guest_hdrlen};

// What the header of a transmitted packet does against 5.1.6.2.1; nothing: it is right.
[[nodiscard]] std::optional<std::string> fault_of(const virtio::NetHeader& header, const Frame& packet,
                                                  virtio::FeatureSet features);
// The packets that go out on the line. The header is right.
[[nodiscard]] std::vector<Frame> carry_out(const virtio::NetHeader& header, Frame packet);

// The ones' complement sum of the bytes from `start` on, complemented (RFC 1071).
[[nodiscard]] std::uint16_t slow_checksum(std::span<const std::byte> bytes);

// What is wrong with a TCP or UDP packet on the line: lengths, IPv4's checksum, its own checksum; nothing: it is right.
[[nodiscard]] std::optional<std::string> fault_on_line(const Frame& packet);

}  // namespace vmq::software
