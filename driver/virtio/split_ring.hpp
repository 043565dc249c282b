// The driver's side of a split virtqueue. VIRTIO 1.3, 2.7.
//
// What the device may write is read once and checked against private state; neither the descriptor table nor the
// available ring is ever read back. A device that breaks the rules breaks its queue (fault()) and nothing else.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "driver/support/barriers.hpp"
#include "driver/virtio/queue_config.hpp"
#include "driver/virtio/spec.hpp"
#include "driver/virtio/types.hpp"

namespace vmq::virtio {

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
    std::uint16_t id = 0;
    std::uint32_t length = 0;  // the device's word for it: any value
};

// True when `event` is one of the indices from `old_idx` to just before `new_idx`, modulo 2^16. 2.7.7.1, 2.7.10.1.
[[nodiscard]] constexpr bool event_reached(std::uint16_t event, std::uint16_t old_idx, std::uint16_t new_idx) noexcept {
    return static_cast<std::uint16_t>(event - old_idx) < static_cast<std::uint16_t>(new_idx - old_idx);
}

// One thread owns a ring. Everything but the constructor is noexcept, blocks nowhere and does bounded work.
class SplitRing {
public:
    // Bytes that a ring of `size` descriptors needs; its base must be aligned to 64.
    [[nodiscard]] static std::size_t memory_size(std::uint16_t size) noexcept;

    // `memory` is what the device sees at `iova`; it is cleared, and must outlive the device's use of the queue. Throws
    // std::invalid_argument for a size that is no power of two up to 32,768, or memory that is too small or misaligned.
    // `start` is where both ring indices begin: 0 for a device that has just been reset.
    SplitRing(std::span<std::byte> memory, Iova iova, std::uint16_t size, bool event_idx, std::uint16_t start = 0);

    [[nodiscard]] QueueConfig config(VectorIndex vector) const noexcept;
    [[nodiscard]] std::uint16_t size() const noexcept { return static_cast<std::uint16_t>(mask_ + 1); }
    [[nodiscard]] std::uint16_t free_descriptors() const noexcept { return free_count_; }
    // Buffers staged or published and not taken back yet.
    [[nodiscard]] std::uint16_t outstanding() const noexcept { return static_cast<std::uint16_t>(staged_ - taken_); }
    [[nodiscard]] RingFault fault() const noexcept { return fault_; }

    // Stage a buffer for the next publish() and return the id under which take_used() gives it back. The caller has
    // seen that free_descriptors() suffices. In a chain, what the device reads comes before what it writes (2.7.4.2).
    std::uint16_t add_readable(Segment segment) noexcept { return add_single(segment, 0); }
    std::uint16_t add_writable(Segment segment) noexcept { return add_single(segment, descriptor_flags::write); }
    std::uint16_t add_chain(std::span<const Segment> readable, std::span<const Segment> writable) noexcept;

    // Offers all staged buffers to the device. True: the caller must notify the device. False also when nothing was
    // staged.
    [[nodiscard]] bool publish() noexcept;

    // Takes back used buffers, their descriptors with them, and returns how many. A violation stops at what was good
    // before it, sets fault(), and nothing is taken from then on.
    [[nodiscard]] std::size_t take_used(std::span<Used> out) noexcept;
    [[nodiscard]] bool has_used() const noexcept;

    // Asks for an interrupt at the next used buffer. False: there is one already, no interrupt may come for it. Always
    // true once fault() is set: there is nothing to take.
    [[nodiscard]] bool arm() noexcept;
    // Asks for no interrupts: advice, the device may still send one now and then (2.7.7). A new ring starts so.
    void disarm() noexcept;

private:
    struct Layout;
    static constexpr std::uint64_t not_outstanding = ~std::uint64_t{0};
    static constexpr std::uint16_t end_of_chain = 0xffff;

    [[nodiscard]] static constexpr std::uint16_t ring_index(std::uint64_t count) noexcept {
        return static_cast<std::uint16_t>(count);
    }
    std::uint16_t add_single(Segment segment, std::uint16_t flags) noexcept;
    void write_descriptor(std::uint16_t id, Segment segment, std::uint16_t flags, std::uint16_t next) noexcept;
    void stage(std::uint16_t id) noexcept;
    std::uint32_t release_rest(std::uint16_t head, std::uint32_t free_count) noexcept;

    // Shared with the device.
    Descriptor* descriptors_;
    RingHeader* available_;
    le16* available_ring_;
    le16* used_event_;
    const RingHeader* used_;
    const UsedElement* used_ring_;
    const le16* avail_event_;

    // Buffers counted since the start; the low 16 bits are the rings' indices. taken_ <= published_ <= staged_.
    std::uint64_t staged_;
    std::uint64_t published_;
    std::uint64_t taken_;

    // Per descriptor: the value of staged_ when it was staged as a head, and the next one of its chain.
    std::unique_ptr<std::uint64_t[]> staged_at_;
    std::unique_ptr<std::uint16_t[]> next_;
    std::unique_ptr<std::uint16_t[]> free_;  // a stack, the most recently used on top
    std::uint16_t free_count_;
    std::uint16_t mask_;
    bool event_idx_;
    bool armed_ = true;
    RingFault fault_ = RingFault::none;
    Iova iova_;
};

inline void SplitRing::write_descriptor(std::uint16_t id, Segment segment, std::uint16_t flags,
                                        std::uint16_t next) noexcept {
    // Plain stores: the device may not look before publish().
    descriptors_[id] = {le64{segment.address.value}, le32{segment.length}, le16{flags}, le16{next}};
}

inline void SplitRing::stage(std::uint16_t id) noexcept {
    const std::uint64_t position = staged_++;
    staged_at_[id] = position;
    support::store_relaxed(available_ring_[position & mask_], id);
}

inline std::uint16_t SplitRing::add_single(Segment segment, std::uint16_t flags) noexcept {
    assert(free_count_ > 0);
    const std::uint16_t id = free_[--free_count_];
    write_descriptor(id, segment, flags, 0);
    stage(id);
    return id;
}

inline bool SplitRing::publish() noexcept {
    if (staged_ == published_) return false;
    const std::uint16_t old_idx = ring_index(published_);
    const std::uint16_t new_idx = ring_index(staged_);
    published_ = staged_;

    // 2.7.13.3.1: the descriptors and ring entries must be visible before idx is.
    support::store_release(available_->idx, new_idx);
    // 2.7.13.4.1: idx must be visible before the device's wish is read, or driver and device both sleep.
    support::full_barrier();

    // 2.7.10.1: with EVENT_IDX only avail_event counts, without it only flags.
    if (event_idx_) return event_reached(support::load_relaxed(*avail_event_), old_idx, new_idx);
    return (support::load_relaxed(used_->flags) & used_flags::no_notify) == 0;
}

inline bool SplitRing::has_used() const noexcept {
    return fault_ == RingFault::none && support::load_relaxed(used_->idx) != ring_index(taken_);
}

inline std::size_t SplitRing::take_used(std::span<Used> out) noexcept {
    if (fault_ != RingFault::none) return 0;
    // 2.7.8.2: the device sets len before idx, so whatever is read after idx is complete.
    const std::uint16_t used_idx = support::load_acquire(used_->idx);
    const auto ready = static_cast<std::uint16_t>(used_idx - ring_index(taken_));
    if (ready > published_ - taken_) {
        fault_ = RingFault::index_jump;
        return 0;
    }

    // Locals, because the compiler must assume that what the loop writes could be a member.
    const UsedElement* const used_ring = used_ring_;
    std::uint64_t* const staged_at = staged_at_.get();
    const std::uint16_t* const next = next_.get();
    std::uint16_t* const free_stack = free_.get();
    const std::uint64_t published = published_;
    const std::uint64_t first = taken_;
    const std::uint32_t mask = mask_;
    std::uint32_t free_count = free_count_;
    const std::size_t wanted = std::min<std::size_t>(ready, out.size());
    std::size_t taken = 0;
    for (; taken < wanted; ++taken) {
        const UsedElement& element = used_ring[(first + taken) & mask];
        const std::uint32_t id = support::load_relaxed(element.id);
        if (id > mask) [[unlikely]] {
            fault_ = RingFault::id_out_of_range;
            break;
        }
        if (staged_at[id] >= published) [[unlikely]] {  // free, inside a chain, or staged only
            fault_ = RingFault::id_not_outstanding;
            break;
        }
        staged_at[id] = not_outstanding;
        out[taken] = {static_cast<std::uint16_t>(id), support::load_relaxed(element.len)};
        free_stack[free_count++] = static_cast<std::uint16_t>(id);
        if (next[id] != end_of_chain) [[unlikely]]
            free_count = release_rest(static_cast<std::uint16_t>(id), free_count);
    }
    taken_ = first + taken;
    free_count_ = static_cast<std::uint16_t>(free_count);
    return taken;
}

}  // namespace vmq::virtio
