// The device's side of a split virtqueue, as small as a test needs it, with every way to misbehave. VIRTIO 1.3, 2.7.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "driver/support/barriers.hpp"
#include "driver/virtio/split_ring.hpp"

namespace vmq::virtio {

inline constexpr Iova ring_iova{0x1'0000'0000};

// Page-aligned memory for a ring, filled with rubbish: the ring has to clear it.
class RingMemory {
public:
    explicit RingMemory(std::uint16_t size) : size_(SplitRing::memory_size(size)), bytes_(allocate(size_)) {
        for (std::size_t i = 0; i < size_; ++i) bytes_.get()[i] = std::byte{0xa5};
    }
    [[nodiscard]] std::span<std::byte> bytes() const { return {bytes_.get(), size_}; }

private:
    struct Free {
        void operator()(std::byte* p) const { std::free(p); }
    };
    static std::unique_ptr<std::byte, Free> allocate(std::size_t size) {
        return std::unique_ptr<std::byte, Free>(
            static_cast<std::byte*>(std::aligned_alloc(4096, (size + 4095) / 4096 * 4096)));
    }
    std::size_t size_;
    std::unique_ptr<std::byte, Free> bytes_;
};

class RingDevice {
public:
    RingDevice(const RingMemory& memory, const QueueConfig& config, bool event_idx, std::uint16_t start)
        : size_(config.size),
          event_idx_(event_idx),
          next_avail_(start),
          used_idx_(start),
          told_idx_(start),
          descriptors_(at<Descriptor>(memory, config.descriptor_area)),
          available_(at<RingHeader>(memory, config.driver_area)),
          available_ring_(at<le16>(memory, config.driver_area + sizeof(RingHeader))),
          used_event_(available_ring_ + config.size),
          used_(at<RingHeader>(memory, config.device_area)),
          used_ring_(at<UsedElement>(memory, config.device_area + sizeof(RingHeader))),
          avail_event_(reinterpret_cast<le16*>(used_ring_ + config.size)) {}

    // What the driver wrote.
    [[nodiscard]] std::uint16_t avail_idx() const { return support::load_acquire(available_->idx); }
    [[nodiscard]] std::uint16_t avail_flags() const { return support::load_relaxed(available_->flags); }
    [[nodiscard]] std::uint16_t used_event() const { return support::load_relaxed(*used_event_); }
    [[nodiscard]] std::uint16_t ring_entry(std::uint16_t idx) const {
        return support::load_relaxed(available_ring_[idx % size_]);
    }
    [[nodiscard]] Descriptor descriptor(std::uint16_t id) const { return descriptors_[id]; }

    // The head of the next available buffer.
    [[nodiscard]] std::optional<std::uint16_t> take() {
        if (avail_idx() == next_avail_) return std::nullopt;
        return ring_entry(next_avail_++);
    }

    // Writes a used element, not yet visible; then makes all of them visible. True: the driver wants an interrupt.
    void use(std::uint32_t id, std::uint32_t length) {
        UsedElement& element = used_ring_[used_idx_++ % size_];
        support::store_relaxed(element.id, id);
        support::store_relaxed(element.len, length);
    }
    bool publish() {
        support::store_release(used_->idx, used_idx_);
        support::full_barrier();
        const std::uint16_t old_idx = told_idx_;
        told_idx_ = used_idx_;
        if (event_idx_) return event_reached(used_event(), old_idx, used_idx_);
        return old_idx != used_idx_ && (avail_flags() & available_flags::no_interrupt) == 0;
    }
    bool use_one(std::uint32_t id, std::uint32_t length) {
        use(id, length);
        return publish();
    }

    // Asks for a notification at the next available buffer. False: there is one already.
    bool arm() {
        if (event_idx_)
            set_avail_event(next_avail_);
        else
            set_no_notify(false);
        support::full_barrier();
        return avail_idx() == next_avail_;
    }
    void set_avail_event(std::uint16_t idx) { support::store_relaxed(*avail_event_, idx); }
    void set_no_notify(bool on) { support::store_relaxed(used_->flags, on ? used_flags::no_notify : std::uint16_t{0}); }

    // Out of all order.
    void set_used_idx(std::uint16_t idx) { support::store_release(used_->idx, used_idx_ = idx); }
    [[nodiscard]] std::uint16_t used_idx() const { return used_idx_; }

private:
    template <typename T>
    static T* at(const RingMemory& memory, Iova iova) {
        return reinterpret_cast<T*>(memory.bytes().subspan(iova.value - ring_iova.value).data());
    }

    std::uint16_t size_;
    bool event_idx_;
    std::uint16_t next_avail_;
    std::uint16_t used_idx_;
    std::uint16_t told_idx_;
    Descriptor* descriptors_;
    RingHeader* available_;
    le16* available_ring_;
    le16* used_event_;
    RingHeader* used_;
    UsedElement* used_ring_;
    le16* avail_event_;
};

// A ring and a device that share memory.
struct RingPair {
    RingPair(std::uint16_t size, bool event_idx, std::uint16_t start)
        : memory(size),
          ring(memory.bytes(), ring_iova, size, event_idx, start),
          device(memory, ring.config(no_vector), event_idx, start) {}

    std::vector<Used> take_all() {
        std::vector<Used> out(ring.size());
        out.resize(ring.take_used(out));
        return out;
    }

    RingMemory memory;
    SplitRing ring;
    RingDevice device;
};

}  // namespace vmq::virtio
