// The memory of a virtqueue, and how much its ring takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "driver/virtio/packed_ring.hpp"
#include "driver/virtio/split_ring.hpp"

namespace vmq::net {

// As driver and device see it.
struct QueueMemory {
    std::span<std::byte> bytes;
    virtio::Iova iova;
};

[[nodiscard]] inline std::size_t ring_memory_size(virtio::RingFormat format, std::uint16_t size) noexcept {
    return format.packed ? virtio::PackedRing::memory_size(size) : virtio::SplitRing::memory_size(size, format);
}

}  // namespace vmq::net
