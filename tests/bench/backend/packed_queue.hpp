// A packed virtqueue from the device's side, for a device that completes what it has taken before it takes more.
// VIRTIO 1.3, 2.8.
#pragma once

#include <span>
#include <utility>

#include "driver/support/barriers.hpp"
#include "tests/bench/backend/address_map.hpp"
#include "tests/bench/backend/ring_memory.hpp"

namespace vmq::bench {

class PackedQueue {
public:
    // `base`: the next slot in bits 0 to 14, the wrap counter in bit 15.
    PackedQueue(const RingMemory& ring, RingFeatures features, std::uint32_t base) noexcept
        : ring_(reinterpret_cast<virtio::PackedDescriptor*>(ring.descriptors)),
          driver_event_(reinterpret_cast<const virtio::EventSuppression*>(ring.driver)),
          size_(ring.size),
          next_(base & 0x7fff),
          wrap_((base & 0x8000) != 0),
          complete_bursts_(features.complete_bursts) {
        auto* const device_event = reinterpret_cast<virtio::EventSuppression*>(ring.device);
        support::store_relaxed(device_event->flags, virtio::event_flags::disable);  // this device polls
    }

    // The next available buffers, which stay available.
    std::size_t fetch(std::span<Buffer> out) noexcept {
        std::uint32_t slot = next_;
        bool wrap = wrap_;
        std::size_t count = 0;
        for (; count < out.size(); ++count) {
            const virtio::PackedDescriptor& first = ring_[slot];
            const std::uint16_t flags = support::load_acquire(first.flags);  // 2.8.21.1.1: written last
            if ((flags & state_flags) != (wrap ? virtio::packed_flags::avail : virtio::packed_flags::used)) break;
            Buffer& buffer = out[count];
            buffer = {
                first.addr.value(), first.len.value(), 0, first.id.value(), 1, static_cast<std::uint16_t>(slot), flags};
            if ((flags & virtio::descriptor_flags::next) != 0) [[unlikely]]
                follow_chain(buffer);
            advance(slot, wrap, buffer.descriptors);
        }
        return count;
    }

    // Completes that many of the buffers that fetch has just given, in its order. The first one's flags come last, so
    // that the driver sees the burst as a whole and no line is pulled back and forth within it.
    void complete(std::span<const Buffer> buffers) noexcept {
        virtio::PackedDescriptor& head = ring_[next_];
        const Buffer& named = complete_bursts_ ? buffers.back() : buffers.front();
        const std::uint16_t head_flags = used_state(named);
        head.id = named.id;
        head.len = named.written;
        advance(next_, wrap_, buffers.front().descriptors);
        for (const Buffer& buffer : buffers.subspan(1)) {
            if (!complete_bursts_) {
                virtio::PackedDescriptor& descriptor = ring_[next_];
                descriptor.id = buffer.id;
                descriptor.len = buffer.written;
                support::store_release(descriptor.flags, used_state(buffer));
            }
            advance(next_, wrap_, buffer.descriptors);
        }
        unannounced_ += static_cast<std::uint32_t>(buffers.size());
        support::store_release(head.flags, head_flags);  // 2.8.2: what the driver polls comes last
    }

    [[nodiscard]] bool unannounced() const noexcept { return unannounced_ != 0; }
    // Whether the driver wants to be told of what was completed since the last time this was asked.
    bool interrupt_wanted() noexcept {
        const std::uint32_t since = std::exchange(unannounced_, 0);
        support::full_barrier();  // 2.8.10: the flags must be visible before the driver's wish is read
        const std::uint16_t wish = support::load_relaxed(driver_event_->flags);
        if (wish != virtio::event_flags::desc) return wish == virtio::event_flags::enable;
        const std::uint16_t place = support::load_relaxed(driver_event_->desc);
        const bool same_lap = ((place & 0x8000) != 0) == wrap_;
        const auto behind = static_cast<std::int64_t>(next_) + (same_lap ? 0 : size_) - (place & 0x7fff);
        return since >= size_ || (behind > 0 && behind <= since);
    }

    // Every descriptor of a buffer: visit(address, length).
    template <typename Visit>
    void for_each_descriptor(const Buffer& buffer, const AddressMap& memory, Visit&& visit) const {
        if ((buffer.flags & virtio::descriptor_flags::indirect) != 0) {
            const auto* const table = reinterpret_cast<const virtio::PackedDescriptor*>(memory.at(buffer.address));
            for (std::size_t i = 0; i < buffer.length / sizeof *table; ++i)
                visit(table[i].addr.value(), table[i].len.value());
            return;
        }
        for (std::uint32_t i = 0; i < buffer.descriptors; ++i) {
            const virtio::PackedDescriptor& descriptor = ring_[(buffer.first + i) % size_];
            visit(descriptor.addr.value(), descriptor.len.value());
        }
    }

    [[nodiscard]] std::uint32_t base() const noexcept {
        const std::uint32_t place = next_ | (wrap_ ? 0x8000u : 0u);
        return place | place << 16;  // available and used position are the same
    }

private:
    static constexpr std::uint16_t state_flags = virtio::packed_flags::avail | virtio::packed_flags::used;

    [[nodiscard]] std::uint16_t used_state(const Buffer& buffer) const noexcept {
        const std::uint16_t state = wrap_ ? state_flags : std::uint16_t{0};
        return buffer.written != 0 ? static_cast<std::uint16_t>(state | virtio::descriptor_flags::write) : state;
    }
    void advance(std::uint32_t& slot, bool& wrap, std::uint32_t count) const noexcept {
        slot += count;
        if (slot >= size_) {
            slot -= size_;
            wrap = !wrap;
        }
    }
    void follow_chain(Buffer& buffer) const noexcept {
        std::uint32_t slot = buffer.first;
        while ((ring_[slot].flags.value() & virtio::descriptor_flags::next) != 0) {
            slot = slot + 1 == size_ ? 0 : slot + 1;
            ++buffer.descriptors;
        }
        buffer.id = ring_[slot].id.value();  // 2.8.6: the last one's counts
    }

    virtio::PackedDescriptor* ring_;
    const virtio::EventSuppression* driver_event_;
    std::uint32_t size_;
    std::uint32_t next_;  // to be completed next: what was taken before is complete
    bool wrap_;
    bool complete_bursts_;
    std::uint32_t unannounced_ = 0;
};

}  // namespace vmq::bench
