// Memory for a ring, the device's side of a split one, as small as a test needs it, with every way to misbehave, and
// the two together. VIRTIO 1.3, 2.7.
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
    explicit RingMemory(std::size_t size) : size_(size), bytes_(allocate(size)) {
        for (std::size_t i = 0; i < size_; ++i) bytes_.get()[i] = std::byte{0xa5};
    }
    [[nodiscard]] std::span<std::byte> bytes() const { return {bytes_.get(), size_}; }
    template <typename T>
    [[nodiscard]] T* at(Iova iova) const {
        return reinterpret_cast<T*>(bytes().subspan(iova.value - ring_iova.value).data());
    }

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

// A buffer as the device finds it in the ring.
struct Piece {
    std::uint64_t address = 0;
    std::uint32_t length = 0;
    std::uint16_t flags = 0;  // without those that link descriptors
    bool operator==(const Piece&) const = default;
};
struct Available {
    std::uint16_t id = 0;
    std::vector<Piece> pieces{};  // one for each descriptor in the ring
};

template <typename Ring>
class RingDevice;

template <>
class RingDevice<SplitRing> {
public:
    RingDevice(const RingMemory& memory, const QueueConfig& config, RingFormat format, std::uint16_t start)
        : size_(config.size),
          event_idx_(format.event_idx),
          next_avail_(start),
          used_idx_(start),
          told_idx_(start),
          descriptors_(memory.at<Descriptor>(config.descriptor_area)),
          available_(memory.at<RingHeader>(config.driver_area)),
          available_ring_(memory.at<le16>(config.driver_area + sizeof(RingHeader))),
          used_event_(available_ring_ + config.size),
          used_(memory.at<RingHeader>(config.device_area)),
          used_ring_(memory.at<UsedElement>(config.device_area + sizeof(RingHeader))),
          avail_event_(reinterpret_cast<le16*>(used_ring_ + config.size)) {}

    // What the driver wrote.
    [[nodiscard]] std::uint16_t avail_idx() const { return support::load_acquire(available_->idx); }
    [[nodiscard]] std::uint16_t avail_flags() const { return support::load_relaxed(available_->flags); }
    [[nodiscard]] std::uint16_t used_event() const { return support::load_relaxed(*used_event_); }
    [[nodiscard]] std::uint16_t ring_entry(std::uint16_t idx) const {
        return support::load_relaxed(available_ring_[idx % size_]);
    }
    [[nodiscard]] Descriptor descriptor(std::uint16_t id) const { return descriptors_[id]; }

    // The next available buffer.
    [[nodiscard]] std::optional<Available> take() {
        if (avail_idx() == next_avail_) return std::nullopt;
        Available buffer{.id = ring_entry(next_avail_++)};
        for (std::uint16_t id = buffer.id; buffer.pieces.size() < size_;) {
            const Descriptor& found = descriptors_[id];
            const std::uint16_t flags = found.flags.value();
            buffer.pieces.push_back(
                {found.addr.value(), found.len.value(), static_cast<std::uint16_t>(flags & ~descriptor_flags::next)});
            if ((flags & descriptor_flags::next) == 0) break;
            id = found.next.value();
        }
        return buffer;
    }

    // Notes a used buffer, not yet visible; then makes all of them visible. True: the driver wants an interrupt.
    void use(const Available& buffer, std::uint32_t length) { use_id(buffer.id, length); }
    // 2.7.9: one element for all of them, with the last one's id and length.
    void use_batch(std::span<const Available> batch, std::uint32_t length) {
        use_id(batch.back().id, length);
        used_idx_ = static_cast<std::uint16_t>(used_idx_ + batch.size() - 1);
    }
    void use_id(std::uint32_t id, std::uint32_t length) {
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

    // Asks for a notification at the next available buffer. False: there is one already.
    bool arm() {
        if (event_idx_)
            ask_after(0);
        else
            set_notifications(true);
        support::full_barrier();
        return avail_idx() == next_avail_;
    }
    // With EVENT_IDX: so many more buffers may come without a notification.
    void ask_after(std::uint16_t buffers) {
        support::store_relaxed(*avail_event_, static_cast<std::uint16_t>(next_avail_ + buffers));
    }
    void set_notifications(bool on) {
        support::store_relaxed(used_->flags, on ? std::uint16_t{0} : used_flags::no_notify);
    }

    // Out of all order.
    void set_used_idx(std::uint16_t idx) { support::store_release(used_->idx, used_idx_ = idx); }
    [[nodiscard]] std::uint16_t used_idx() const { return used_idx_; }

private:
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
template <typename Ring>
struct RingPair {
    RingPair(std::uint16_t size, RingFormat format, std::uint16_t start)
        : memory(Ring::memory_size(size)),
          ring(memory.bytes(), ring_iova, size, format, start),
          device(memory, ring.config(no_vector), format, start) {}

    // Offers single buffers of 64 bytes that the device may write.
    std::vector<std::uint16_t> stage(std::size_t count) {
        std::vector<std::uint16_t> ids;
        while (ids.size() < count) ids.push_back(ring.add_writable({Iova{0x1000 + ids.size()}, 64}));
        return ids;
    }
    std::vector<std::uint16_t> offer(std::size_t count) {
        auto ids = stage(count);
        (void)ring.publish();
        return ids;
    }

    // What the device finds.
    std::vector<Available> available() {
        std::vector<Available> found;
        while (auto buffer = device.take()) found.push_back(std::move(*buffer));
        return found;
    }
    bool use_one(const Available& buffer, std::uint32_t length = 0) {
        device.use(buffer, length);
        return device.publish();
    }

    // All used buffers: one by one, or first of all those in step as the burst routines do.
    std::vector<Used> take_all() {
        std::vector<Used> out;
        for (Used used;; out.push_back(used)) {
            if (in_bursts) take_in_step(out);
            if (!ring.take(used)) return out;
        }
    }
    void take_in_step(std::vector<Used>& out) {
        ring.look(ring.slots().size());
        while (const std::uint32_t run = ring.used_run(ring.slots().size())) {
            auto reader = ring.reader();
            const std::uint32_t slot = ring.slots().slot(ring.slots().retired);
            std::uint32_t count = 0;
            for (std::uint32_t length = 0; count < run && reader.read(length); ++count)
                out.push_back({static_cast<std::uint16_t>(slot + count), length});
            ring.retire(count);
            if (count < run) return;
        }
    }

    RingMemory memory;
    Ring ring;
    RingDevice<Ring> device;
    bool in_bursts = false;
};

// What a burst routine that wants this many sees.
template <typename Ring>
std::uint32_t used_run(Ring& ring, std::uint32_t limit) {
    ring.look(limit);
    return ring.used_run(limit);
}

}  // namespace vmq::virtio
