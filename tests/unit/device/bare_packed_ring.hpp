// The plainest driver side of a packed virtqueue. VIRTIO 1.3, 2.8.
#pragma once

#include <algorithm>
#include <vector>

#include "driver/support/barriers.hpp"
#include "tests/unit/device/bare_ring.hpp"

namespace vmq::software {

class BarePackedRing : public BareRing {
public:
    BarePackedRing(virtio::Transport& transport, std::uint16_t ring_size, virtio::FeatureSet features,
                   std::uint16_t start)
        : BareRing(transport, ring_size, features), staged_(start), published_(start), taken_(start) {
        // Ids are handed out in an order that is not the ring's.
        for (std::uint16_t i = 0; i < size; ++i) ids_.push_back(static_cast<std::uint16_t>(size - 1 - i));
        disarm();
    }

    [[nodiscard]] virtio::PackedDescriptor& descriptor(std::uint16_t i) const {
        return part<virtio::PackedDescriptor>(0)[i % size];
    }
    [[nodiscard]] virtio::PackedDescriptor* indirect_table(std::uint16_t i) const {
        return table<virtio::PackedDescriptor>(i % size);
    }
    [[nodiscard]] virtio::EventSuppression& driver_event() const {
        return *part<virtio::EventSuppression>(driver_part);
    }
    [[nodiscard]] virtio::EventSuppression& device_event() const {
        return *part<virtio::EventSuppression>(device_part);
    }
    [[nodiscard]] std::uint32_t staged() const { return staged_; }
    // AVAIL and USED of an available descriptor there.
    [[nodiscard]] std::uint16_t available_marks(std::uint32_t place) const {
        return wrap(place) ? virtio::packed_flags::avail : virtio::packed_flags::used;
    }
    [[nodiscard]] bool wrap(std::uint32_t place) const { return place / size % 2 == 0; }
    // As the event suppression areas say it.
    [[nodiscard]] std::uint16_t encoded(std::uint32_t place) const {
        return static_cast<std::uint16_t>(place % size | (wrap(place) ? 0x8000 : 0));
    }

    std::uint16_t add(std::span<const BareElement> elements, bool indirect) override {
        const std::uint16_t id = ids_.front();
        ids_.erase(ids_.begin());
        const auto count = static_cast<std::uint16_t>(indirect ? 1 : elements.size());
        if (indirect) write_table(elements);
        for (std::uint16_t i = 0; i < count; ++i) {
            virtio::PackedDescriptor& entry = descriptor(static_cast<std::uint16_t>((staged_ + i) % size));
            auto flags = available_marks(staged_ + i);
            if (indirect) {
                entry.addr = table_address(static_cast<std::uint16_t>(staged_ % size)).value;
                support::store_relaxed(entry.len, static_cast<std::uint32_t>(16 * elements.size()));
                flags = static_cast<std::uint16_t>(flags | virtio::descriptor_flags::indirect);
            } else {
                entry.addr = elements[i].address.value;
                support::store_relaxed(entry.len, elements[i].length);
                flags = static_cast<std::uint16_t>(flags | write_flag(elements[i]) | (i + 1 == count ? 0 : 1));
            }
            support::store_relaxed(entry.id, id);
            flags_.push_back(flags);
        }
        staged_ += count;
        free = static_cast<std::uint16_t>(free - count);
        outstanding_.push_back({id, count});
        return id;
    }

    bool publish() override {
        const std::uint32_t before = published_;
        // From the last to the first, so that nothing is seen before all of it is there.
        for (std::uint32_t place = staged_; place != published_; --place, flags_.pop_back())
            support::store_release(descriptor(static_cast<std::uint16_t>((place - 1) % size)).flags, flags_.back());
        published_ = staged_;
        support::full_barrier();
        if (before == staged_) return false;
        const std::uint16_t wish = support::load_acquire(device_event().flags);
        if (wish != virtio::event_flags::desc) return wish == virtio::event_flags::enable;
        const std::uint16_t event = support::load_relaxed(device_event().desc);
        for (std::uint32_t place = before; place != staged_; ++place)
            if (encoded(place) == event) return true;
        return false;
    }

    std::optional<BareUsed> take_used() override {
        if (!next_is_used()) return std::nullopt;
        const virtio::PackedDescriptor& entry = descriptor(static_cast<std::uint16_t>(taken_ % size));
        BareUsed used{support::load_relaxed(entry.id), support::load_relaxed(entry.len), 0};
        const bool known = std::ranges::any_of(outstanding_, [&](const Buffer& b) { return b.id == used.id; });
        do {
            ++used.buffers;
            if (!known) {
                ++taken_;
                return used;
            }
        } while (give_up(in_order ? outstanding_.front().id : static_cast<std::uint16_t>(used.id)) != used.id);
        return used;
    }

    bool arm() override {
        if (event_idx) {
            support::store_relaxed(driver_event().desc, encoded(taken_));
            support::store_release(driver_event().flags, virtio::event_flags::desc);
        } else {
            support::store_release(driver_event().flags, virtio::event_flags::enable);
        }
        support::full_barrier();
        return !next_is_used();
    }
    void disarm() override { support::store_release(driver_event().flags, virtio::event_flags::disable); }

private:
    struct Buffer {
        std::uint16_t id;
        std::uint16_t descriptors;
    };
    [[nodiscard]] bool next_is_used() const {
        if (outstanding_.empty()) return false;
        const std::uint16_t flags = support::load_acquire(descriptor(static_cast<std::uint16_t>(taken_ % size)).flags);
        const std::uint16_t marks = flags & (virtio::packed_flags::avail | virtio::packed_flags::used);
        return marks == (wrap(taken_) ? virtio::packed_flags::avail | virtio::packed_flags::used : 0);
    }
    void write_table(std::span<const BareElement> elements) {
        virtio::PackedDescriptor* const entries = indirect_table(static_cast<std::uint16_t>(staged_ % size));
        for (std::size_t i = 0; i < elements.size(); ++i)
            entries[i] = {virtio::le64{elements[i].address.value}, virtio::le32{elements[i].length}, virtio::le16{0},
                          virtio::le16{write_flag(elements[i])}};
    }
    std::uint32_t give_up(std::uint16_t id) {
        const auto buffer = std::ranges::find_if(outstanding_, [id](const Buffer& b) { return b.id == id; });
        taken_ += buffer->descriptors;
        free = static_cast<std::uint16_t>(free + buffer->descriptors);
        outstanding_.erase(buffer);
        ids_.push_back(id);
        return id;
    }

    std::uint32_t staged_, published_, taken_;  // in descriptors
    std::vector<std::uint16_t> flags_;          // of those staged and not published
    std::vector<std::uint16_t> ids_;            // free, oldest first
    std::vector<Buffer> outstanding_;           // oldest first
};

}  // namespace vmq::software
