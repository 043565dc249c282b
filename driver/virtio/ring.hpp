// What split and packed virtqueues share: the words of their interface and the bookkeeping of slots. VIRTIO 1.3, 2.7
// and 2.8.
//
// Either ring gives the buffer at position p, counted from the start, the descriptor in slot p modulo the queue size,
// and uses a slot again only when all before it are back. So a buffer's id is its slot, an in-order device is followed
// by counting, and what lies in a slot from the lap before may stay there. A device that completes out of order is
// served as well; a buffer that it holds longer than the others makes the ring look full until it returns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "driver/virtio/types.hpp"

namespace vmq::virtio {

// Whether the burst routines check the lengths and indices that the device writes, and the ids of received buffers.
// Ids of sent ones tell which are done, and are compared in any case. VMQ_UNCHECKED is tests/bench/checks' alone, which
// measures what that costs.
#ifdef VMQ_UNCHECKED
inline constexpr bool device_is_checked = false;
#else
inline constexpr bool device_is_checked = true;
#endif

enum class RingFault : std::uint8_t {
    none,
    id_out_of_range,     // a used id is no descriptor at all
    id_not_outstanding,  // the driver did not offer it, or had it back already
    index_jump,          // more used buffers than were offered, or fewer than before
};

struct Segment {
    Iova address;
    std::uint32_t length = 0;
};

struct Used {
    std::uint16_t id = 0;      // the slot of the buffer's first descriptor
    std::uint32_t length = 0;  // the device's word for it: any value
};

// The part of `memory` that a ring of `size` bytes takes. Throws std::invalid_argument where it is too small or not
// aligned, for driver or device: to a cache line, or a legacy one to a page.
inline constexpr std::size_t ring_alignment = 64;
inline constexpr std::size_t legacy_ring_alignment = 4096;
[[nodiscard]] std::span<std::byte> ring_memory(std::span<std::byte> memory, Iova iova, std::size_t size,
                                               std::size_t alignment = ring_alignment);

// What was negotiated about the form of a virtqueue.
struct RingFormat {
    bool packed = false;
    bool in_order = false;
    bool event_idx = false;
    bool legacy = false;  // in one piece, the used ring at the start of a page: 2.7.2
};

// Either ring's.
inline constexpr std::uint32_t descriptors_per_line = 4;
// The first descriptor from `slot` on that begins a line.
[[nodiscard]] constexpr std::uint32_t next_line(std::uint32_t slot) noexcept {
    return (slot + descriptors_per_line - 1) & ~(descriptors_per_line - 1);
}

// A run of descriptors or used elements for a routine that handles several at once.
struct RawDescriptors {
    std::byte* first;    // 16 bytes each: address, and a word of length, and flags and id as the layout has them
    std::uint64_t word;  // what length is added to for the first,
    std::uint64_t step;  // by how much that grows from one to the next,
    std::uint64_t hide;  // and what is added besides to the first
    bool lasting;        // one for the buffer that its slot had before is right already
};
struct RawUsed {
    const std::byte* first;
    bool packed;             // 16 bytes each, length in the second word's lower half; else 8, in the upper
    std::uint32_t expected;  // the other half of the first one, growing by 1,
    std::uint32_t mask;      // as far as it matters
};

// True when `event` is one of the indices from `old_idx` to just before `new_idx`, modulo 2^16. 2.7.7.1, 2.7.10.1.
[[nodiscard]] constexpr bool event_reached(std::uint16_t event, std::uint16_t old_idx, std::uint16_t new_idx) noexcept {
    return static_cast<std::uint16_t>(event - old_idx) < static_cast<std::uint16_t>(new_idx - old_idx);
}

// Which slots the device has. Positions count descriptors, modulo 2^32: retired <= published <= staged.
class Slots {
public:
    Slots(std::uint16_t size, std::uint32_t start);
    void restart(std::uint32_t start) noexcept;

    [[nodiscard]] std::uint32_t size() const noexcept { return mask_ + 1; }
    [[nodiscard]] std::uint32_t slot(std::uint32_t position) const noexcept { return position & mask_; }
    [[nodiscard]] std::uint32_t to_end(std::uint32_t position) const noexcept { return mask_ + 1 - (position & mask_); }
    [[nodiscard]] std::uint32_t free() const noexcept { return mask_ + 1 - (staged - retired); }
    // Every buffer is one descriptor, and all that came back came in order: counting suffices.
    [[nodiscard]] bool in_step() const noexcept { return odd_ == 0; }

    void stage_chain(std::uint32_t descriptors) noexcept;
    // Descriptors of the buffer that begins in this slot.
    [[nodiscard]] std::uint32_t count(std::uint32_t slot) const noexcept { return count_[slot]; }
    // The device has published a buffer of this id, has not had it back, and it is not the inside of a chain.
    [[nodiscard]] bool outstanding(std::uint32_t id) const noexcept {
        return ((id - retired) & mask_) < published - retired && !back_[id] && count_[id] != 0;
    }
    // It came back; retires whatever is complete up to the oldest buffer that is not.
    void take_back(std::uint32_t id) noexcept;

    // Calls use(slot) for every buffer that the driver staged and has not had back.
    template <typename Use>
    void for_each_outstanding(Use use) const {
        for (std::uint32_t position = retired; position != staged; position += count_[slot(position)])
            if (!back_[slot(position)]) use(slot(position));
    }

    std::uint32_t staged;
    std::uint32_t published;
    std::uint32_t retired;

private:
    std::uint32_t mask_;
    std::uint32_t odd_ = 0;                   // chains that are out, and buffers that are back before an older one
    std::unique_ptr<std::uint16_t[]> count_;  // 0: inside a chain
    std::unique_ptr<bool[]> back_;
};

}  // namespace vmq::virtio
