// The driver's side of a split virtqueue. VIRTIO 1.3, 2.7.
//
// What the device may write is read once and checked against private state; neither the descriptor table nor the
// available ring is ever read back. A device that breaks the rules breaks its queue (fault()) and nothing else.
#pragma once

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

#include "driver/support/barriers.hpp"
#include "driver/support/prefetch.hpp"
#include "driver/virtio/queue_config.hpp"
#include "driver/virtio/ring.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::virtio {

// One thread owns a ring. Everything but the constructor is noexcept, blocks nowhere and does bounded work.
class SplitRing {
public:
    // Bytes that a ring of `size` descriptors needs; its base must be aligned to 64, or a legacy one's to a page.
    [[nodiscard]] static std::size_t memory_size(std::uint16_t size, RingFormat format = {}) noexcept;

    // `memory` is what the device sees at `iova`; it is cleared, and must outlive the device's use of the queue. Throws
    // std::invalid_argument for a size that is no power of two up to 32,768, or memory that is too small or misaligned.
    // `start` is where both ring indices begin: 0 for a device that has just been reset.
    SplitRing(std::span<std::byte> memory, Iova iova, std::uint16_t size, RingFormat format, std::uint16_t start = 0);
    // As new, for a device that has been reset. What was outstanding is forgotten.
    void restart(std::uint16_t start = 0) noexcept;

    [[nodiscard]] QueueConfig config(VectorIndex vector) const noexcept;
    [[nodiscard]] const Slots& slots() const noexcept { return slots_; }
    [[nodiscard]] RingFault fault() const noexcept { return fault_; }

    // The device does not write descriptors: one for the same buffer as in the lap before is right already.
    static constexpr bool lasting_descriptors = true;

    // Staging single buffers, the fast way: write one after the other from slot(staged) on, not past the ring's end,
    // then stage() them.
    class Writer {
    public:
        void readable(Iova address, std::uint32_t length) noexcept { write(address, length); }
        // A buffer of write_length().
        void writable(Iova address) noexcept { write(address, writable_); }
        // The same for several at once; skip() those that were written.
        [[nodiscard]] RawDescriptors raw_readable() const noexcept {
            return {reinterpret_cast<std::byte*>(at_), 0, 0, 0, lasting_descriptors};
        }
        [[nodiscard]] RawDescriptors raw_writable() const noexcept {
            return {reinterpret_cast<std::byte*>(at_), writable_, 0, 0, lasting_descriptors};
        }
        void skip(std::size_t count) noexcept { at_ += count; }

    private:
        friend class SplitRing;
        Writer(Descriptor* at, std::uint32_t write_length) noexcept
            : at_(at), writable_(std::uint64_t{descriptor_flags::write} << 32 | write_length) {}
        void write(Iova address, std::uint64_t length_and_flags) noexcept {
            // Plain stores: the device may not look before publish().
            at_->addr = address.value;
            reinterpret_cast<le64*>(at_++)[1] = length_and_flags;
        }
        Descriptor* at_;
        std::uint64_t writable_;
    };
    // `flags` of the descriptors: 0 for readable ones, WRITE for writable ones.
    [[nodiscard]] Writer writer(std::uint16_t /*flags*/) const noexcept {
        return {descriptors_ + slots_.slot(slots_.staged), write_length_};
    }
    // Fetches the lines of the next free descriptors: stores that find theirs away wait for one after the other.
    void prefetch_free(std::uint32_t count) const noexcept {
        const std::uint32_t first = slots_.slot(slots_.staged);
        const std::uint32_t end = std::min({first + count, first + slots_.free(), slots_.size()});
        for (std::uint32_t slot = next_line(first); slot < end; slot += descriptors_per_line)
            support::prefetch_for_writing(descriptors_ + slot);
    }
    void stage(std::uint32_t count) noexcept { slots_.staged += count; }
    // The length of every buffer that Writer::writable is given. Before the first of them.
    void write_length(std::uint32_t length) noexcept { write_length_ = length; }

    // Stage a buffer for the next publish() and return its id. The caller has seen that there are enough free slots. In
    // a chain, what the device reads comes before what it writes (2.7.4.2).
    std::uint16_t add_readable(Segment segment) noexcept { return add_chain({&segment, 1}, {}); }
    std::uint16_t add_writable(Segment segment) noexcept { return add_chain({}, {&segment, 1}); }
    std::uint16_t add_chain(std::span<const Segment> readable, std::span<const Segment> writable) noexcept;
    // `table` has been filled by fill_indirect and lies at `iova`. 2.7.5.3
    std::uint16_t add_indirect(Iova table, std::size_t segments) noexcept;
    using IndirectDescriptor = Descriptor;
    static void fill_indirect(IndirectDescriptor* table, std::span<const Segment> readable) noexcept;

    // Offers all staged buffers to the device. True: the caller must notify the device. False also when nothing was
    // staged.
    [[nodiscard]] bool publish() noexcept;
    // 2.9: what a notification says with NOTIFICATION_DATA, the available index. Any thread.
    [[nodiscard]] std::uint16_t position() const noexcept {
        return std::atomic_ref(const_cast<std::uint16_t&>(offered_)).load(std::memory_order_relaxed);
    }

    // Taking back what came in step, the fast way: look() once, then take as many as are in sight. used_run: how many
    // elements may be read, without passing the ring's end.
    void look(std::uint32_t wanted) noexcept { static_cast<void>(ready(wanted)); }
    [[nodiscard]] bool in_sight() const noexcept { return fault_ == RingFault::none && seen_used_ != taken_; }
    class Reader {
    public:
        // False: it is not the buffer of the next slot.
        [[nodiscard]] bool read(std::uint32_t& length) noexcept {
            const std::uint64_t element = support::load_relaxed_pair((at_++)->id);
            length = static_cast<std::uint32_t>(element >> 32);
            return static_cast<std::uint32_t>(element) == slot_++ || !device_is_checked;
        }
        // The same for several at once; skip() those that were read.
        [[nodiscard]] RawUsed raw() const noexcept {
            return {reinterpret_cast<const std::byte*>(at_), false, slot_, 0xffffffff};
        }
        void skip(std::size_t count) noexcept {
            at_ += count;
            slot_ += static_cast<std::uint32_t>(count);
        }

    private:
        friend class SplitRing;
        Reader(const UsedElement* at, std::uint32_t slot) noexcept : at_(at), slot_(slot) {}
        const UsedElement* at_;
        std::uint32_t slot_;
    };
    // Eight elements are a line: there is little to win.
    void prefetch_used(std::uint32_t /*count*/) const noexcept {}
    [[nodiscard]] std::uint32_t used_run(std::uint32_t limit) const noexcept;
    [[nodiscard]] Reader reader() const noexcept {
        return {used_ring_ + slots_.slot(taken_), slots_.slot(slots_.retired)};
    }
    // With IN_ORDER: how many buffers of a used_run came, where their lengths do not matter. 2.7.9: the index alone
    // tells; elements inside a batch are not even written.
    [[nodiscard]] std::uint32_t count_in_order(std::uint32_t run) noexcept { return run; }
    [[nodiscard]] bool in_order() const noexcept { return in_order_; }
    void retire(std::uint32_t count) noexcept {
        slots_.retired += count;
        taken_ = static_cast<std::uint16_t>(taken_ + count);
    }

    // Takes back one used buffer, whatever its order and form. False: there is none, or the device broke the rules;
    // then fault() is set and nothing is taken from then on.
    [[nodiscard]] bool take(Used& used) noexcept;
    [[nodiscard]] bool has_used() const noexcept {
        return fault_ == RingFault::none && (seen_used_ != taken_ || support::load_relaxed(used_->idx) != taken_);
    }

    // Asks for an interrupt at the next used buffer. False: there is one already, no interrupt may come for it. Always
    // true once fault() is set: there is nothing to take.
    [[nodiscard]] bool arm() noexcept;
    // Asks for no interrupts: advice, the device may still send one now and then (2.7.7). A new ring starts so.
    void disarm() noexcept;

private:
    struct Layout;

    void write_descriptor(std::uint32_t slot, Segment segment, std::uint16_t flags, std::uint32_t next) noexcept {
        descriptors_[slot] = {le64{segment.address.value}, le32{segment.length}, le16{flags},
                              le16{static_cast<std::uint16_t>(next)}};
    }
    [[nodiscard]] std::uint16_t ready(std::uint32_t wanted) noexcept;
    [[nodiscard]] std::uint16_t offer() noexcept;
    [[nodiscard]] bool fail(RingFault fault) noexcept {
        fault_ = fault;
        return false;
    }

    // Shared with the device.
    std::span<std::byte> memory_;
    Descriptor* descriptors_;
    RingHeader* available_;
    le16* available_ring_;
    le16* used_event_;
    const RingHeader* used_;
    const UsedElement* used_ring_;
    const le16* avail_event_;

    Slots slots_;
    std::uint16_t offered_;    // available index: buffers published
    std::uint16_t taken_;      // used index: buffers taken back
    std::uint16_t seen_used_;  // used index as the device last showed it
    bool shifted_ = false;     // after a chain available entry i is no longer slot i, and must be written
    bool in_order_;
    bool event_idx_;
    bool legacy_;
    bool armed_ = true;
    bool in_batch_ = false;  // between a batch's first buffer and its last
    RingFault fault_ = RingFault::none;
    Used batch_end_;
    std::uint32_t write_length_ = 0;
    Iova iova_;
};

inline std::uint16_t SplitRing::offer() noexcept {
    if (!shifted_) return static_cast<std::uint16_t>(offered_ + (slots_.staged - slots_.published));
    std::uint16_t idx = offered_;
    for (std::uint32_t position = slots_.published; position != slots_.staged;) {
        const std::uint32_t slot = slots_.slot(position);
        support::store_relaxed(available_ring_[slots_.slot(idx++)], static_cast<std::uint16_t>(slot));
        position += slots_.count(slot);
    }
    return idx;
}

inline bool SplitRing::publish() noexcept {
    if (slots_.staged == slots_.published) return false;
    const std::uint16_t old_idx = offered_;
    std::atomic_ref(offered_).store(offer(), std::memory_order_relaxed);
    slots_.published = slots_.staged;

    // 2.7.13.3.1: the descriptors and ring entries must be visible before idx is.
    support::store_release(available_->idx, offered_);
    // 2.7.13.4.1: idx must be visible before the device's wish is read, or driver and device both sleep.
    support::full_barrier();

    // 2.7.10.1: with EVENT_IDX only avail_event counts, without it only flags.
    if (event_idx_) return event_reached(support::load_relaxed(*avail_event_), old_idx, offered_);
    return (support::load_relaxed(used_->flags) & used_flags::no_notify) == 0;
}

// Used buffers that have not been taken back. The device's index is read only when fewer than `wanted` are in sight:
// its line goes to and fro with every batch that the device uses.
inline std::uint16_t SplitRing::ready(std::uint32_t wanted) noexcept {
    const auto known = static_cast<std::uint16_t>(seen_used_ - taken_);
    if (known >= wanted) return known;
    // 2.7.8.2: the device sets an element before idx, so whatever is read after idx is complete.
    const std::uint16_t idx = support::load_acquire(used_->idx);
    const auto count = static_cast<std::uint16_t>(idx - taken_);
    if (!device_is_checked || (count >= known && count <= static_cast<std::uint16_t>(offered_ - taken_))) {
        seen_used_ = idx;
        return count;
    }
    fault_ = RingFault::index_jump;
    return 0;
}

inline std::uint32_t SplitRing::used_run(std::uint32_t limit) const noexcept {
    if (!slots_.in_step() || in_batch_ || fault_ != RingFault::none) return 0;
    const std::uint32_t in_sight = static_cast<std::uint16_t>(seen_used_ - taken_);
    return std::min({in_sight, limit, slots_.to_end(slots_.retired), slots_.to_end(taken_)});
}

}  // namespace vmq::virtio
