// Where a virtqueue lies, and what the data loops know of a buffer in it, whatever its layout.
#pragma once

#include <cstddef>
#include <cstdint>

#include "driver/virtio/spec.hpp"

namespace vmq::bench {

// The three areas as this process sees them: split, the descriptor table, available and used ring; packed, the
// descriptor ring, the driver's and the device's event suppression. VIRTIO 1.3, 2.7 and 2.8.
struct RingMemory {
    std::byte* descriptors = nullptr;
    std::byte* driver = nullptr;
    std::byte* device = nullptr;
    std::uint16_t size = 0;
};

struct RingFeatures {
    bool event_idx = false;
    // One used descriptor for a whole burst. VIRTIO 1.3, 2.8.8: with VIRTIO_F_IN_ORDER.
    bool complete_bursts = false;
};

struct Buffer {
    std::uint64_t address;      // of the first descriptor, as are length and flags
    std::uint32_t length;       //
    std::uint32_t written;      // to be reported when it is completed
    std::uint16_t id;           // its name in the used ring
    std::uint16_t descriptors;  // slots of a packed ring that it takes
    std::uint16_t first;        // index of the first descriptor
    std::uint16_t flags;

    [[nodiscard]] bool plain() const noexcept {  // all of it is in the first descriptor
        return (flags & (virtio::descriptor_flags::next | virtio::descriptor_flags::indirect)) == 0;
    }
};

}  // namespace vmq::bench
