// The device's side of a packed virtqueue, as small as a test needs it, with every way to misbehave. VIRTIO 1.3, 2.8.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "driver/support/barriers.hpp"
#include "driver/virtio/packed_ring.hpp"
#include "tests/unit/virtio/ring_device.hpp"

namespace vmq::virtio {

template <>
class RingDevice<PackedRing> {
public:
    RingDevice(const RingMemory& memory, const QueueConfig& config, RingFormat format, std::uint16_t start)
        : size_(config.size),
          event_idx_(format.event_idx),
          next_avail_(start),
          next_used_(start),
          told_(start),
          descriptors_(memory.at<PackedDescriptor>(config.descriptor_area)),
          driver_event_(memory.at<EventSuppression>(config.driver_area)),
          device_event_(memory.at<EventSuppression>(config.device_area)) {}

    // Positions count descriptors from the start; the counter is 1 in the first lap.
    [[nodiscard]] bool wrap(std::uint32_t position) const { return position / size_ % 2 == 0; }
    [[nodiscard]] std::uint16_t offset_and_wrap(std::uint32_t position) const {
        return static_cast<std::uint16_t>(position % size_ + (wrap(position) ? 0x8000U : 0U));
    }
    [[nodiscard]] std::uint32_t next_used() const { return next_used_; }

    // What the driver wrote.
    [[nodiscard]] PackedDescriptor& descriptor(std::uint32_t position) const { return descriptors_[position % size_]; }
    [[nodiscard]] EventSuppression& driver_event() const { return *driver_event_; }
    [[nodiscard]] bool is_available(std::uint32_t position) const {
        const std::uint16_t flags = support::load_acquire(descriptor(position).flags);
        const bool avail = (flags & packed_flags::avail) != 0;
        const bool used = (flags & packed_flags::used) != 0;
        return avail == wrap(position) && used != wrap(position);
    }

    // The next available buffer. Its id is that of its last descriptor.
    [[nodiscard]] std::optional<Available> take() {
        if (!is_available(next_avail_)) return std::nullopt;
        Available buffer;
        for (bool more = true; more && buffer.pieces.size() < size_; ++next_avail_) {
            const PackedDescriptor& found = descriptor(next_avail_);
            const std::uint16_t flags = support::load_relaxed(found.flags);
            more = (flags & descriptor_flags::next) != 0;
            buffer.id = found.id.value();
            buffer.pieces.push_back(
                {found.addr.value(), found.len.value(),
                 static_cast<std::uint16_t>(flags & (descriptor_flags::write | descriptor_flags::indirect))});
        }
        return buffer;
    }

    // Notes a used buffer, not yet visible; then makes all of them visible. True: the driver wants an interrupt.
    void use(const Available& buffer, std::uint32_t length) { note(buffer.id, length, buffer.pieces.size()); }
    // 2.8.9: one descriptor for all of them, with the last one's id and length.
    void use_batch(std::span<const Available> batch, std::uint32_t length) {
        std::size_t descriptors = 0;
        for (const Available& buffer : batch) descriptors += buffer.pieces.size();
        note(batch.back().id, length, descriptors);
    }
    void use_id(std::uint32_t id, std::uint32_t length) { note(id, length, 1); }
    bool publish() {
        for (auto last = noted_.rbegin(); last != noted_.rend(); ++last)
            support::store_release(second_word(last->position), last->word);
        noted_.clear();
        support::full_barrier();
        const std::uint32_t old_position = told_;
        told_ = next_used_;
        return wants_interrupt(old_position, told_);
    }

    // Flags beside AVAIL and USED that used descriptors carry from now on.
    void set_used_flags(std::uint16_t flags) { used_flags_ = flags; }
    void write_word(std::uint32_t position, std::uint32_t length, std::uint16_t id, std::uint16_t flags) {
        support::store_release(second_word(position), word(length, id, flags));
    }

    // Asks for a notification at the next available buffer. False: there is one already.
    bool arm() {
        if (event_idx_)
            ask_after(0);
        else
            set_notifications(true);
        support::full_barrier();
        return !is_available(next_avail_);
    }
    // With EVENT_IDX: so many more descriptors may come without a notification.
    void ask_after(std::uint16_t descriptors) {
        set_event(event_flags::desc, offset_and_wrap(next_avail_ + descriptors));
    }
    void set_notifications(bool on) {
        support::store_release(device_event_->flags, on ? event_flags::enable : event_flags::disable);
    }
    void set_event(std::uint16_t flags, std::uint16_t desc) {
        support::store_relaxed(device_event_->desc, desc);
        support::store_release(device_event_->flags, flags);
    }

private:
    struct Noted {
        std::uint32_t position;
        std::uint64_t word;
    };

    static std::uint64_t word(std::uint32_t length, std::uint16_t id, std::uint16_t flags) {
        return length | std::uint64_t{id} << 32 | std::uint64_t{flags} << 48;
    }
    le64& second_word(std::uint32_t position) { return reinterpret_cast<le64*>(&descriptor(position))[1]; }
    void note(std::uint32_t id, std::uint32_t length, std::size_t descriptors) {
        const auto flags =
            static_cast<std::uint16_t>((wrap(next_used_) ? packed_flags::avail | packed_flags::used : 0) | used_flags_);
        noted_.push_back({next_used_, word(length, static_cast<std::uint16_t>(id), flags)});
        next_used_ += static_cast<std::uint32_t>(descriptors);
    }
    [[nodiscard]] bool wants_interrupt(std::uint32_t from, std::uint32_t to) const {
        const std::uint16_t flags = support::load_acquire(driver_event_->flags);
        if (from == to || flags == event_flags::disable) return false;
        if (!event_idx_ || flags == event_flags::enable) return true;
        const std::uint16_t desc = support::load_relaxed(driver_event_->desc);
        for (std::uint32_t position = from; position != to; ++position)
            if (desc == offset_and_wrap(position)) return true;
        return false;
    }

    std::uint16_t size_;
    bool event_idx_;
    std::uint16_t used_flags_ = descriptor_flags::write;
    std::uint32_t next_avail_;
    std::uint32_t next_used_;
    std::uint32_t told_;
    std::vector<Noted> noted_{};
    PackedDescriptor* descriptors_;
    EventSuppression* driver_event_;
    EventSuppression* device_event_;
};

}  // namespace vmq::virtio
