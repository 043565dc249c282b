// The counters that a device has of its own: which there are, and its answer taken apart. VIRTIO 1.3, 5.1.6.5.10.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <vmq/device_stats.hpp>

#include "driver/virtio/features.hpp"

namespace vmq::net {

enum class QueueKind { receiveq, transmitq, controlq };

// Of the types that the device has, those that a virtqueue of this kind has counters of with these features: bit n for
// type n.
[[nodiscard]] std::uint64_t stats_types(QueueKind kind, std::uint64_t supported, virtio::FeatureSet features) noexcept;
// Bytes of the answer for all of these types.
[[nodiscard]] std::size_t stats_size(std::uint64_t types) noexcept;
// Throws Errc::bad_device, beginning with `subject`, for an answer to another question or of a wrong length. What the
// device left out is not in the list.
[[nodiscard]] std::vector<DeviceCounter> parse_stats(std::span<const std::byte> answer, std::uint16_t queue,
                                                     std::uint64_t types, const std::string& subject);

}  // namespace vmq::net
