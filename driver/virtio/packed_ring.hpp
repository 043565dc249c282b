// The driver's side of a packed virtqueue. VIRTIO 1.3, 2.8.
//
// A position's lap around the ring gives its wrap counter, so none is kept. What the device may write is read once and
// checked against private state; a device that breaks the rules breaks its queue (fault()) and nothing else.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
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

// One thread owns a ring. Everything but the constructor is noexcept, blocks nowhere and does bounded work. The calls
// are those of SplitRing and do the same.
class PackedRing {
public:
    [[nodiscard]] static std::size_t memory_size(std::uint16_t size, RingFormat format = {}) noexcept;

    // `start` is the position of the first buffer: 0 for a device that has just been reset.
    PackedRing(std::span<std::byte> memory, Iova iova, std::uint16_t size, RingFormat format, std::uint16_t start = 0);
    void restart(std::uint16_t start = 0) noexcept;

    [[nodiscard]] QueueConfig config(VectorIndex vector) const noexcept;
    [[nodiscard]] const Slots& slots() const noexcept { return slots_; }
    [[nodiscard]] RingFault fault() const noexcept { return fault_; }

    static constexpr bool lasting_descriptors = false;

    // Staging single buffers, the fast way. The first descriptor since the last publish() does not look available until
    // the next.
    class Writer {
    public:
        void readable(Iova address, std::uint32_t length) noexcept { write(address, length); }
        void writable(Iova address) noexcept { write(address, write_length_); }
        [[nodiscard]] RawDescriptors raw_readable() const noexcept { return raw(0); }
        [[nodiscard]] RawDescriptors raw_writable() const noexcept { return raw(write_length_); }
        void skip(std::size_t count) noexcept {
            if (count == 0) return;
            at_ += count;
            word_ += count * next_id;
            hide_ = 0;
        }

    private:
        friend class PackedRing;
        Writer(PackedDescriptor* at, std::uint64_t word, std::uint64_t hide, std::uint32_t write_length) noexcept
            : at_(at), word_(word), hide_(hide), write_length_(write_length) {}
        void write(Iova address, std::uint32_t length) noexcept {
            at_->addr = address.value;
            support::store_relaxed(second_word(*at_++), word_ + length + hide_);
            word_ += next_id;
            hide_ = 0;
        }
        [[nodiscard]] RawDescriptors raw(std::uint32_t length) const noexcept {
            return {reinterpret_cast<std::byte*>(at_), word_ + length, next_id, hide_, lasting_descriptors};
        }
        static constexpr std::uint64_t next_id = std::uint64_t{1} << 32;
        PackedDescriptor* at_;
        std::uint64_t word_;  // flags and id of the next descriptor
        std::uint64_t hide_;  // from its flags to hidden ones
        std::uint32_t write_length_;
    };
    [[nodiscard]] Writer writer(std::uint16_t flags) noexcept {
        const std::uint32_t slot = slots_.slot(slots_.staged);
        flags |= avail_flags(slots_.staged);
        std::uint64_t hide = 0;
        if (slots_.staged == slots_.published) {
            head_flags_ = flags;
            hide = (std::uint64_t{hidden(flags)} - flags) << 48;
        }
        return {descriptors_ + slot, std::uint64_t{id_and_flags(slot, flags)} << 32, hide, write_length_};
    }
    void prefetch_free(std::uint32_t count) const noexcept {
        const std::uint32_t first = slots_.slot(slots_.staged);
        const std::uint32_t end = std::min({first + count, first + slots_.free(), slots_.size()});
        for (std::uint32_t slot = next_line(first); slot < end; slot += descriptors_per_line)
            support::prefetch_for_writing(descriptors_ + slot);
    }
    void stage(std::uint32_t count) noexcept { slots_.staged += count; }
    void write_length(std::uint32_t length) noexcept { write_length_ = length; }

    std::uint16_t add_readable(Segment segment) noexcept { return add_chain({&segment, 1}, {}); }
    std::uint16_t add_writable(Segment segment) noexcept { return add_chain({}, {&segment, 1}); }
    std::uint16_t add_chain(std::span<const Segment> readable, std::span<const Segment> writable) noexcept;
    // 2.8.7
    std::uint16_t add_indirect(Iova table, std::size_t segments) noexcept;
    using IndirectDescriptor = PackedDescriptor;
    static void fill_indirect(IndirectDescriptor* table, std::span<const Segment> readable) noexcept;

    [[nodiscard]] bool publish() noexcept;
    // 2.9: what a notification says with NOTIFICATION_DATA: the next descriptor's slot, and its lap's wrap counter.
    [[nodiscard]] std::uint16_t position() const noexcept {
        const std::uint32_t next =
            std::atomic_ref(const_cast<std::uint32_t&>(slots_.published)).load(std::memory_order_relaxed);
        return static_cast<std::uint16_t>(slots_.slot(next) | std::uint32_t{wrap_counter(next)} << 15);
    }

    class Reader {
    public:
        [[nodiscard]] bool read(std::uint32_t& length) noexcept {
            const std::uint64_t word = used_word(*at_++);
            length = static_cast<std::uint32_t>(word);
            return (static_cast<std::uint32_t>(word >> 32) & matters) == used_++;
        }
        [[nodiscard]] RawUsed raw() const noexcept {
            return {reinterpret_cast<const std::byte*>(at_), true, used_, matters};
        }
        void skip(std::size_t count) noexcept {
            at_ += count;
            used_ += static_cast<std::uint32_t>(count);
        }

    private:
        friend class PackedRing;
        Reader(const PackedDescriptor* at, std::uint32_t used) noexcept : at_(at), used_(used) {}
        static constexpr std::uint32_t matters = ~(std::uint32_t{descriptor_flags::write} << 16);
        const PackedDescriptor* at_;
        std::uint32_t used_;  // id and flags of the next descriptor once it is used
    };
    // A used descriptor is seen where it is read.
    void look(std::uint32_t /*wanted*/) const noexcept {}
    [[nodiscard]] bool in_sight() const noexcept { return has_used(); }
    // Fetches the lines of `count` descriptors a little further on, which the device is likely to have used already
    // when a whole burst of used ones was just taken.
    void prefetch_used(std::uint32_t count) const noexcept {
        const std::uint32_t first = slots_.slot(next_used_ + prefetch_distance);
        const std::uint32_t end = std::min(first + count, slots_.size());
        for (std::uint32_t slot = next_line(first); slot < end; slot += descriptors_per_line)
            support::prefetch(descriptors_ + slot);
    }
    [[nodiscard]] std::uint32_t used_run(std::uint32_t limit) const noexcept {
        if (!slots_.in_step() || in_batch_ || fault_ != RingFault::none) return 0;
        return std::min({slots_.published - slots_.retired, limit, slots_.to_end(slots_.retired)});
    }
    [[nodiscard]] Reader reader() const noexcept {
        const std::uint32_t slot = slots_.slot(slots_.retired);
        return {descriptors_ + slot, id_and_flags(slot, used_flags(slots_.retired))};
    }
    // With IN_ORDER one used descriptor stands for a batch, and those inside are not even written. 2.8.9
    [[nodiscard]] std::uint32_t count_in_order(std::uint32_t run) noexcept;
    [[nodiscard]] bool in_order() const noexcept { return in_order_; }
    void retire(std::uint32_t count) noexcept {
        slots_.retired += count;
        next_used_ = slots_.retired;
    }

    [[nodiscard]] bool take(Used& used) noexcept;
    [[nodiscard]] bool has_used() const noexcept {
        if (fault_ != RingFault::none || slots_.retired == slots_.published) return false;
        return in_batch_ || is_used(support::load_acquire(descriptors_[slots_.slot(next_used_)].flags), next_used_);
    }

    [[nodiscard]] bool arm() noexcept;
    void disarm() noexcept;

private:
    struct Layout;

    static constexpr std::uint32_t prefetch_distance = 32;

    static le64& second_word(PackedDescriptor& descriptor) noexcept {
        return reinterpret_cast<le64*>(&descriptor)[1];  // len, id, flags
    }
    static const le64& second_word(const PackedDescriptor& descriptor) noexcept {
        return reinterpret_cast<const le64*>(&descriptor)[1];
    }
    // 2.8.6.1: flags tell that the rest is there, and lie in the same word.
    static std::uint64_t used_word(const PackedDescriptor& descriptor) noexcept {
        const std::uint64_t word = support::load_acquire(second_word(descriptor));
#if VMQ_THREAD_SANITIZER
        // To TSan a word and its parts are different variables, and the device releases the flags.
        static_cast<void>(support::load_acquire(descriptor.flags));
#endif
        return word;
    }
    static constexpr std::uint32_t id_and_flags(std::uint32_t id, std::uint16_t flags) noexcept {
        return id | std::uint32_t{flags} << 16;
    }

    // 2.8.1: the counter starts at 1 and changes with each lap.
    [[nodiscard]] bool wrap_counter(std::uint32_t position) const noexcept { return (position >> log2_size_) % 2 == 0; }
    [[nodiscard]] std::uint16_t avail_flags(std::uint32_t position) const noexcept {
        return wrap_counter(position) ? packed_flags::avail : packed_flags::used;
    }
    [[nodiscard]] std::uint16_t used_flags(std::uint32_t position) const noexcept {
        return wrap_counter(position) ? packed_flags::avail | packed_flags::used : 0;
    }
    [[nodiscard]] bool is_used(std::uint16_t flags, std::uint32_t position) const noexcept {
        return (flags & (packed_flags::avail | packed_flags::used)) == used_flags(position);
    }
    // Flags with which a descriptor looks neither available nor used in this lap.
    static constexpr std::uint16_t hidden(std::uint16_t flags) noexcept {
        return static_cast<std::uint16_t>(flags ^ packed_flags::avail);
    }
    void write_descriptor(std::uint32_t position, std::uint32_t id, Segment segment, std::uint16_t flags) noexcept;
    [[nodiscard]] bool device_wants_notification(std::uint32_t old_position) const noexcept;
    [[nodiscard]] bool fail(RingFault fault) noexcept {
        fault_ = fault;
        return false;
    }

    // Shared with the device.
    std::span<std::byte> memory_;
    PackedDescriptor* descriptors_;
    EventSuppression* driver_event_;
    const EventSuppression* device_event_;

    Slots slots_;
    std::uint32_t next_used_;  // position of the next used descriptor; slots_.retired while everything is in step
    std::uint32_t write_length_ = 0;
    std::uint16_t head_flags_ = 0;  // of the first descriptor since the last publish(), which lacks them yet
    std::uint8_t log2_size_;
    bool in_order_;
    bool event_idx_;
    bool armed_ = true;
    bool in_batch_ = false;  // between a batch's first buffer and its last
    RingFault fault_ = RingFault::none;
    Used batch_end_;
    Iova iova_;
};

inline bool PackedRing::publish() noexcept {
    if (slots_.staged == slots_.published) return false;
    const std::uint32_t first = slots_.published;
    // 2.8.13.3.1 and 2.8.21: everything else of these descriptors must be visible before the first one's flags are.
    support::store_release(descriptors_[slots_.slot(first)].flags, head_flags_);
    std::atomic_ref(slots_.published).store(slots_.staged, std::memory_order_relaxed);
    // 2.8.21.3.1: the flags must be visible before the device's wish is read, or driver and device both sleep.
    support::full_barrier();
    return device_wants_notification(first);
}

inline bool PackedRing::device_wants_notification(std::uint32_t old_position) const noexcept {
    const std::uint16_t flags = support::load_acquire(device_event_->flags);
    if (!event_idx_ || flags != event_flags::desc) return flags != event_flags::disable;
    // 2.8.10: a ring offset and the wrap counter of its lap, the current one or the one before.
    const std::uint16_t desc = support::load_relaxed(device_event_->desc);
    const std::uint32_t new_position = slots_.published;
    const bool this_lap = (desc >> 15 != 0) == wrap_counter(new_position);
    const std::uint32_t lap = new_position - slots_.slot(new_position);
    const std::uint32_t event = lap + (desc & 0x7fffu) - (this_lap ? 0 : slots_.size());
    return event - old_position < new_position - old_position;
}

}  // namespace vmq::virtio
