// The driver's side of a virtqueue by hand, one buffer at a time: no shadow state, nothing clever.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

#include "driver/support/barriers.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::bench {

struct Piece {
    std::uint64_t address;
    std::uint32_t length;
};

struct UsedBuffer {
    std::uint16_t id;
    std::uint32_t length;
};

// Buffers are named in the order in which they are offered, modulo the ring's size; each must be one descriptor, or an
// indirect table, unless the ring has room for its chain.
class HandRing {
public:
    HandRing(std::byte* descriptors, std::byte* driver, std::byte* device, std::uint16_t size)
        : descriptors_(descriptors), driver_(driver), device_(device), size_(size) {}
    virtual ~HandRing() = default;

    // What SET_VRING_BASE is told. Takes effect for both sides when nothing has been offered yet.
    virtual std::uint32_t start_near_wrap() = 0;
    virtual void offer(std::span<const Piece> pieces, std::uint16_t flags) = 0;
    // What the device has completed since the last call.
    virtual std::vector<UsedBuffer> take() = 0;
    virtual void ask_for_interrupts(bool wanted) = 0;

protected:
    std::byte* descriptors_;
    std::byte* driver_;
    std::byte* device_;
    std::uint16_t size_;
};

class HandSplitRing final : public HandRing {
public:
    HandSplitRing(std::byte* descriptors, std::byte* driver, std::byte* device, std::uint16_t size, bool event_idx)
        : HandRing(descriptors, driver, device, size), event_idx_(event_idx) {
        HandSplitRing::ask_for_interrupts(false);
    }

    std::uint32_t start_near_wrap() override {
        available_ = used_ = 0xfff0;
        support::store_relaxed(reinterpret_cast<virtio::RingHeader*>(driver_)->idx, available_);
        support::store_relaxed(reinterpret_cast<virtio::RingHeader*>(device_)->idx, used_);
        HandSplitRing::ask_for_interrupts(false);
        return available_;
    }
    void offer(std::span<const Piece> pieces, std::uint16_t flags) override {
        auto* const table = reinterpret_cast<virtio::Descriptor*>(descriptors_);
        auto* const header = reinterpret_cast<virtio::RingHeader*>(driver_);
        const std::uint16_t head = next_descriptor_;
        for (std::size_t i = 0; i < pieces.size(); ++i) {
            const bool last = i + 1 == pieces.size();
            const auto next = static_cast<std::uint16_t>((next_descriptor_ + 1) % size_);
            auto& descriptor = table[next_descriptor_];
            descriptor.addr = pieces[i].address;
            descriptor.len = pieces[i].length;
            descriptor.flags = static_cast<std::uint16_t>(flags | (last ? 0 : virtio::descriptor_flags::next));
            descriptor.next = next;
            next_descriptor_ = next;
        }
        reinterpret_cast<virtio::le16*>(header + 1)[available_ % size_] = head;
        support::store_release(header->idx, ++available_);
    }
    std::vector<UsedBuffer> take() override {
        std::vector<UsedBuffer> buffers;
        auto* const header = reinterpret_cast<virtio::RingHeader*>(device_);
        const auto* const ring = reinterpret_cast<virtio::UsedElement*>(header + 1);
        for (const std::uint16_t idx = support::load_acquire(header->idx); used_ != idx; ++used_) {
            const auto& element = ring[used_ % size_];
            buffers.push_back({static_cast<std::uint16_t>(element.id.value()), element.len.value()});
        }
        return buffers;
    }
    // With EVENT_IDX the flags are not looked at: none are wanted where used_event lies just behind.
    void ask_for_interrupts(bool wanted) override {
        auto* const header = reinterpret_cast<virtio::RingHeader*>(driver_);
        auto& used_event = reinterpret_cast<virtio::le16*>(header + 1)[size_];
        if (event_idx_) {
            support::store_relaxed(used_event, static_cast<std::uint16_t>(wanted ? used_ : used_ - 1));
        } else {
            support::store_relaxed(header->flags, wanted ? std::uint16_t{0} : virtio::available_flags::no_interrupt);
        }
        support::full_barrier();
    }

private:
    bool event_idx_;
    std::uint16_t next_descriptor_ = 0;
    std::uint16_t available_ = 0;
    std::uint16_t used_ = 0;
};

class HandPackedRing final : public HandRing {
public:
    HandPackedRing(std::byte* descriptors, std::byte* driver, std::byte* device, std::uint16_t size, bool event_idx)
        : HandRing(descriptors, driver, device, size), event_idx_(event_idx) {
        HandPackedRing::ask_for_interrupts(false);
    }

    std::uint32_t start_near_wrap() override {
        available_ = used_ = {static_cast<std::uint16_t>(size_ - 2), false};
        // In this lap, whose counter is 0, what is neither available nor used has both flags set.
        for (std::uint16_t i = available_.slot; i < size_; ++i)
            ring()[i].flags = virtio::packed_flags::avail | virtio::packed_flags::used;
        return available_.slot;
    }
    void offer(std::span<const Piece> pieces, std::uint16_t flags) override {
        const Place first = available_;
        std::uint16_t first_flags = 0;
        for (std::size_t i = 0; i < pieces.size(); ++i) {
            const bool last = i + 1 == pieces.size();
            auto& descriptor = ring()[available_.slot];
            const std::uint16_t state = available_.wrap ? virtio::packed_flags::avail : virtio::packed_flags::used;
            const auto all = static_cast<std::uint16_t>(flags | state | (last ? 0 : virtio::descriptor_flags::next));
            descriptor.addr = pieces[i].address;
            descriptor.len = pieces[i].length;
            descriptor.id = last ? next_id_ : std::uint16_t{0xdead};  // only the last one's counts
            if (i == 0) {
                first_flags = all;
            } else {
                support::store_release(descriptor.flags, all);
            }
            advance(available_, 1);
        }
        outstanding_.push_back({next_id_, static_cast<std::uint16_t>(pieces.size())});
        next_id_ = static_cast<std::uint16_t>((next_id_ + 1) % size_);
        support::store_release(ring()[first.slot].flags, first_flags);
    }
    // A used descriptor may stand for all buffers up to the one it names (2.8.8).
    std::vector<UsedBuffer> take() override {
        std::vector<UsedBuffer> buffers;
        while (!outstanding_.empty()) {
            const auto& descriptor = ring()[used_.slot];
            const std::uint16_t flags = support::load_acquire(descriptor.flags);
            if (((flags & virtio::packed_flags::used) != 0) != used_.wrap ||
                ((flags & virtio::packed_flags::avail) != 0) != used_.wrap)
                break;
            const std::uint16_t last = descriptor.id.value();
            const std::uint32_t length = descriptor.len.value();
            for (bool found = false; !found;) {
                if (outstanding_.empty()) throw std::runtime_error("the device names a buffer that it does not have");
                const Outstanding oldest = outstanding_.front();
                outstanding_.erase(outstanding_.begin());
                advance(used_, oldest.descriptors);
                found = oldest.id == last;
                buffers.push_back({oldest.id, length});
            }
        }
        return buffers;
    }
    void ask_for_interrupts(bool wanted) override {
        auto* const event = reinterpret_cast<virtio::EventSuppression*>(driver_);
        const std::uint16_t yes = event_idx_ ? virtio::event_flags::desc : virtio::event_flags::enable;
        support::store_relaxed(event->desc, static_cast<std::uint16_t>(used_.slot | (used_.wrap ? 0x8000 : 0)));
        support::store_release(event->flags, wanted ? yes : virtio::event_flags::disable);
        support::full_barrier();
    }

private:
    struct Place {
        std::uint16_t slot = 0;
        bool wrap = true;
    };
    struct Outstanding {
        std::uint16_t id;
        std::uint16_t descriptors;
    };

    [[nodiscard]] virtio::PackedDescriptor* ring() const {
        return reinterpret_cast<virtio::PackedDescriptor*>(descriptors_);
    }
    void advance(Place& place, std::uint16_t count) const {
        place.slot = static_cast<std::uint16_t>(place.slot + count);
        if (place.slot >= size_) {
            place.slot = static_cast<std::uint16_t>(place.slot - size_);
            place.wrap = !place.wrap;
        }
    }

    bool event_idx_;
    Place available_;
    Place used_;
    std::uint16_t next_id_ = 0;
    std::vector<Outstanding> outstanding_;
};

}  // namespace vmq::bench
