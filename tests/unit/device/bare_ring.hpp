// The driver's side of a virtqueue in the plainest form, for testing the device before and apart from the driver's
// rings: one buffer at a time, nothing checked, and every part within the test's reach.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "driver/support/barriers.hpp"
#include "driver/virtio/features.hpp"
#include "driver/virtio/queue_config.hpp"
#include "driver/virtio/spec.hpp"
#include "driver/virtio/transport.hpp"

namespace vmq::software {

struct BareElement {
    virtio::Iova address;
    std::uint32_t length = 0;
    bool device_writes = false;
};

struct BareUsed {
    std::uint32_t id = 0;  // as the device wrote it
    std::uint32_t length = 0;
    std::uint16_t buffers = 1;  // more than one: a batch, the earlier ones used completely
};

class BareRing {
public:
    // Offsets of the driver's and the device's part in the ring's memory.
    static constexpr std::size_t driver_part = 0x8000;
    static constexpr std::size_t device_part = 0xc000;
    static constexpr std::size_t table_part = 0x10000;  // an indirect table of 32 descriptors per ring descriptor

    BareRing(virtio::Transport& transport, std::uint16_t ring_size, virtio::FeatureSet features)
        : size(ring_size),
          event_idx(features.has(virtio::Feature::event_idx)),
          in_order(features.has(virtio::Feature::in_order)),
          memory(transport.allocate(table_part + std::size_t{ring_size} * 512, -1)),
          free(ring_size) {}
    virtual ~BareRing() = default;

    [[nodiscard]] virtio::QueueConfig config(virtio::VectorIndex vector) const {
        return {.size = size,
                .descriptor_area = memory.iova,
                .driver_area = memory.iova + driver_part,
                .device_area = memory.iova + device_part,
                .vector = vector};
    }

    // Stages a buffer and returns its id. `indirect`: by a table.
    virtual std::uint16_t add(std::span<const BareElement> elements, bool indirect = false) = 0;
    // True: the device asked to be notified.
    virtual bool publish() = 0;
    virtual std::optional<BareUsed> take_used() = 0;
    // False: something is used already.
    virtual bool arm() = 0;
    virtual void disarm() = 0;

    std::uint16_t add_readable(virtio::Iova address, std::uint32_t length) {
        const BareElement element{address, length, false};
        return add({&element, 1});
    }
    std::uint16_t add_writable(virtio::Iova address, std::uint32_t length) {
        const BareElement element{address, length, true};
        return add({&element, 1});
    }

    std::uint16_t size;
    bool event_idx;
    bool in_order;
    virtio::DmaBlock memory;
    std::uint16_t free;  // descriptors

protected:
    template <typename T>
    [[nodiscard]] T* part(std::size_t offset) const {
        return reinterpret_cast<T*>(memory.data + offset);
    }
    [[nodiscard]] virtio::Iova table_address(std::uint16_t i) const {
        return memory.iova + table_part + std::size_t{i} * 512;
    }
    template <typename T>
    [[nodiscard]] T* table(std::uint16_t i) const {
        return part<T>(table_part + std::size_t{i} * 512);
    }
    static std::uint16_t write_flag(const BareElement& element) {
        return element.device_writes ? virtio::descriptor_flags::write : std::uint16_t{0};
    }
};

class BareSplitRing : public BareRing {
public:
    BareSplitRing(virtio::Transport& transport, std::uint16_t ring_size, virtio::FeatureSet features,
                  std::uint16_t start)
        : BareRing(transport, ring_size, features), staged_(start), published_(start), taken_(start) {
        for (std::uint16_t i = 0; i < size; ++i) free_list_.push_back(i);
        available().idx = start;
        disarm();
    }

    [[nodiscard]] virtio::Descriptor& descriptor(std::uint16_t i) const { return part<virtio::Descriptor>(0)[i]; }
    [[nodiscard]] virtio::Descriptor* indirect_table(std::uint16_t i) const { return table<virtio::Descriptor>(i); }
    [[nodiscard]] virtio::RingHeader& available() const { return *part<virtio::RingHeader>(driver_part); }
    [[nodiscard]] virtio::le16& available_entry(std::uint16_t i) const {
        return part<virtio::le16>(driver_part + 4)[i % size];
    }
    [[nodiscard]] std::uint16_t staged() const { return staged_; }

    std::uint16_t add(std::span<const BareElement> elements, bool indirect) override {
        const std::size_t count = indirect ? 1 : elements.size();
        // In the order of the ring, which is what IN_ORDER asks for and is as good as any without it.
        const std::vector<std::uint16_t> ids(free_list_.begin(), free_list_.begin() + static_cast<long>(count));
        free_list_.erase(free_list_.begin(), free_list_.begin() + static_cast<long>(count));
        free = static_cast<std::uint16_t>(free - count);
        const std::uint16_t head = ids[0];
        if (indirect) write_table(head, elements);
        for (std::size_t i = 0; !indirect && i < count; ++i) {
            const bool last = i + 1 == count;
            descriptor(ids[i]) = {virtio::le64{elements[i].address.value}, virtio::le32{elements[i].length},
                                  virtio::le16{static_cast<std::uint16_t>(write_flag(elements[i]) | (last ? 0 : 1))},
                                  virtio::le16{last ? std::uint16_t{0} : ids[i + 1]}};
        }
        chains_[head] = ids;
        heads_.push_back(head);
        support::store_relaxed(available_entry(staged_++), head);
        return head;
    }

    bool publish() override {
        const std::uint16_t before = published_;
        published_ = staged_;
        support::store_release(available().idx, staged_);
        support::full_barrier();
        const auto& used = *part<virtio::RingHeader>(device_part);
        if (!event_idx) return before != staged_ && support::load_relaxed(used.flags) == 0;
        const std::uint16_t event = support::load_relaxed(part<virtio::le16>(device_part + 4)[4 * size]);
        return static_cast<std::uint16_t>(event - before) < static_cast<std::uint16_t>(staged_ - before);
    }

    std::optional<BareUsed> take_used() override {
        if (support::load_acquire(part<virtio::RingHeader>(device_part)->idx) == taken_) return std::nullopt;
        const auto& element = part<virtio::UsedElement>(device_part + 4)[taken_ % size];
        BareUsed used{support::load_relaxed(element.id), support::load_relaxed(element.len), 0};
        do {
            ++taken_;
            ++used.buffers;
            if (heads_.empty()) return used;
        } while (give_up(in_order ? heads_.front() : static_cast<std::uint16_t>(used.id)) != used.id && in_order);
        return used;
    }

    bool arm() override {
        if (event_idx)
            support::store_relaxed(part<virtio::le16>(driver_part + 4)[size], taken_);
        else
            support::store_relaxed(available().flags, std::uint16_t{0});
        support::full_barrier();
        return support::load_acquire(part<virtio::RingHeader>(device_part)->idx) == taken_;
    }
    void disarm() override {
        if (event_idx)
            support::store_relaxed(part<virtio::le16>(driver_part + 4)[size], static_cast<std::uint16_t>(taken_ - 1));
        else
            support::store_relaxed(available().flags, std::uint16_t{1});
    }

private:
    void write_table(std::uint16_t head, std::span<const BareElement> elements) {
        for (std::uint16_t i = 0; i < elements.size(); ++i) {
            const bool last = i + 1u == elements.size();
            indirect_table(head)[i] = {virtio::le64{elements[i].address.value}, virtio::le32{elements[i].length},
                                       virtio::le16{static_cast<std::uint16_t>(write_flag(elements[i]) | (last ? 0 : 1))},
                                       virtio::le16{static_cast<std::uint16_t>(last ? 0 : i + 1)}};
        }
        descriptor(head) = {virtio::le64{table_address(head).value},
                            virtio::le32{static_cast<std::uint32_t>(16 * elements.size())},
                            virtio::le16{virtio::descriptor_flags::indirect}, virtio::le16{0}};
    }
    std::uint32_t give_up(std::uint16_t head) {
        std::erase(heads_, head);
        const auto ids = std::exchange(chains_[head], {});
        free_list_.insert(free_list_.end(), ids.begin(), ids.end());
        free = static_cast<std::uint16_t>(free + ids.size());
        return head;
    }

    std::uint16_t staged_, published_, taken_;
    std::vector<std::uint16_t> free_list_;  // oldest first
    std::vector<std::uint16_t> heads_;      // outstanding, oldest first
    std::map<std::uint16_t, std::vector<std::uint16_t>> chains_;
};

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
