// A split virtqueue from the device's side, for a device that completes what it has taken before it takes more.
// VIRTIO 1.3, 2.7.
#pragma once

#include <algorithm>
#include <span>
#include <utility>

#include "driver/support/barriers.hpp"
#include "tests/bench/backend/address_map.hpp"
#include "tests/bench/backend/ring_memory.hpp"

namespace vmq::bench {

class SplitQueue {
public:
    // `base`: the index of the next available ring entry.
    SplitQueue(const RingMemory& ring, RingFeatures features, std::uint32_t base) noexcept
        : table_(reinterpret_cast<const virtio::Descriptor*>(ring.descriptors)),
          available_(reinterpret_cast<virtio::RingHeader*>(ring.driver)),
          available_ring_(reinterpret_cast<const virtio::le16*>(available_ + 1)),
          used_(reinterpret_cast<virtio::RingHeader*>(ring.device)),
          used_ring_(reinterpret_cast<virtio::UsedElement*>(used_ + 1)),
          mask_(static_cast<std::uint16_t>(ring.size - 1)),
          next_(static_cast<std::uint16_t>(base)),
          seen_(next_),
          event_idx_(features.event_idx) {
        // This device polls. Without EVENT_IDX it says so once; with it, the driver is asked for a notification 2^16
        // buffers ahead, which is as rare as it can be.
        support::store_relaxed(used_->flags, virtio::used_flags::no_notify);
        auto* const avail_event = reinterpret_cast<virtio::le16*>(used_ring_ + ring.size);
        if (event_idx_) support::store_relaxed(*avail_event, static_cast<std::uint16_t>(next_ - 1));
    }

    // The next available buffers, which stay available. The driver's index is read only when those of the last reading
    // are used up.
    std::size_t fetch(std::span<Buffer> out) noexcept {
        // 2.7.13.3: what idx covers was written before idx.
        if (seen_ == next_) seen_ = support::load_acquire(available_->idx);
        const std::size_t count = std::min<std::size_t>(static_cast<std::uint16_t>(seen_ - next_), out.size());
        const std::uint32_t position = next_;
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint16_t head = available_ring_[(position + i) & mask_].value();
            const virtio::Descriptor& first = table_[head];
            out[i] = {first.addr.value(), first.len.value(), 0, head, 1, head, first.flags.value()};
        }
        return count;
    }

    // Completes that many of the buffers that fetch has just given, in its order.
    void complete(std::span<const Buffer> buffers) noexcept {
        const std::uint32_t position = next_;
        for (std::size_t i = 0; i < buffers.size(); ++i) {
            virtio::UsedElement& element = used_ring_[(position + i) & mask_];
            element.id = buffers[i].id;
            element.len = buffers[i].written;
        }
        next_ = static_cast<std::uint16_t>(position + buffers.size());
        unannounced_ += static_cast<std::uint32_t>(buffers.size());
        support::store_release(used_->idx, next_);  // 2.7.8: the elements before idx
    }

    [[nodiscard]] bool unannounced() const noexcept { return unannounced_ != 0; }
    // Whether the driver wants to be told of what was completed since the last time this was asked.
    bool interrupt_wanted() noexcept {
        const std::uint32_t since = std::exchange(unannounced_, 0);
        support::full_barrier();  // 2.7.7.2: idx must be visible before the driver's wish is read, or both sides sleep
        if (!event_idx_) return (support::load_relaxed(available_->flags) & virtio::available_flags::no_interrupt) == 0;
        const std::uint16_t used_event = support::load_relaxed(available_ring_[mask_ + std::uint32_t{1}]);
        return since > 0xffff || static_cast<std::uint16_t>(next_ - used_event - 1) < since;
    }

    // Every descriptor of a buffer: visit(address, length).
    template <typename Visit>
    void for_each_descriptor(const Buffer& buffer, const AddressMap& memory, Visit&& visit) const {
        const bool indirect = (buffer.flags & virtio::descriptor_flags::indirect) != 0;
        const auto* const table =
            indirect ? reinterpret_cast<const virtio::Descriptor*>(memory.at(buffer.address)) : table_;
        std::uint16_t index = indirect ? std::uint16_t{0} : buffer.first;
        for (;; index = table[index].next.value()) {
            visit(table[index].addr.value(), table[index].len.value());
            if ((table[index].flags.value() & virtio::descriptor_flags::next) == 0) return;
        }
    }

    [[nodiscard]] std::uint32_t base() const noexcept { return next_; }

private:
    const virtio::Descriptor* table_;
    virtio::RingHeader* available_;
    const virtio::le16* available_ring_;
    virtio::RingHeader* used_;
    virtio::UsedElement* used_ring_;
    std::uint16_t mask_;
    std::uint16_t next_;  // to be completed next: what was taken before is complete
    std::uint16_t seen_;  // the driver's index when it was last read
    bool event_idx_;
    std::uint32_t unannounced_ = 0;
};

}  // namespace vmq::bench
