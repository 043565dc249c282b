// The packed ring, device side. VIRTIO 1.3, 2.8.
#include <algorithm>
#include <cstring>
#include <vector>

#include "driver/support/barriers.hpp"
#include "driver/virtio/spec.hpp"
#include "tests/device/ring_layout.hpp"

namespace vmq::software {

using support::load_acquire;
using support::load_relaxed;
using support::store_relaxed;
using support::store_release;
namespace flag = virtio::descriptor_flags;
namespace mark = virtio::packed_flags;
namespace event = virtio::event_flags;

namespace {

// A place in the ring together with the wrap counter there, as a number that counts descriptors modulo two laps.
// 2.8.1: the wrap counter is 1 in the first lap.
class Place {
public:
    Place(std::uint32_t size, std::uint32_t count) noexcept : size_(size), count_(count % (2 * size)) {}

    [[nodiscard]] std::uint16_t offset() const noexcept { return static_cast<std::uint16_t>(count_ % size_); }
    [[nodiscard]] bool wrap() const noexcept { return count_ < size_; }
    [[nodiscard]] std::uint16_t number() const noexcept { return static_cast<std::uint16_t>(count_); }
    [[nodiscard]] Place plus(std::uint32_t descriptors) const noexcept { return {size_, count_ + descriptors}; }
    [[nodiscard]] Place minus(std::uint32_t descriptors) const noexcept {
        return {size_, count_ + 4u * size_ - descriptors};
    }
    [[nodiscard]] std::uint32_t to(Place other) const noexcept {
        return (other.count_ + 2u * size_ - count_) % (2u * size_);
    }
    // The event suppression area's way to say it.
    [[nodiscard]] std::uint16_t encoded() const noexcept {
        return static_cast<std::uint16_t>(offset() | (wrap() ? 0x8000 : 0));
    }

private:
    std::uint32_t size_;
    std::uint32_t count_;
};

class PackedLayout : public RingLayout {
public:
    PackedLayout(Memory& memory, const Blame& blame, QueueRules rules, std::uint16_t size, std::uint16_t start)
        : memory_(memory),
          blame_(blame),
          rules_(rules),
          size_(size),
          fetched_(size, start),
          used_(fetched_),
          event_(fetched_),
          held_(size, false) {}

    [[nodiscard]] bool attach(const virtio::QueueConfig& config);

    [[nodiscard]] Found read(Chain& chain) override;
    [[nodiscard]] bool has_available() const noexcept override { return is_available(fetched_); }
    [[nodiscard]] std::uint16_t available_index() const noexcept override { return end_of_available().number(); }
    [[nodiscard]] bool publish(std::span<const UsedBuffer> used) override;
    void ask(const NotificationWish& wish) noexcept override;
    [[nodiscard]] bool can_be_told(std::uint16_t position) const noexcept override {
        const std::uint32_t offset = position & 0x7fffu;
        const Place place{size_, offset + ((position & 0x8000) != 0 ? 0u : size_)};
        return offset < size_ && place.to(end_of_available()) <= size_;
    }
    [[nodiscard]] bool notification_owed(std::uint16_t seen) const noexcept override;

    void move_used(int by) override;
    void scramble_descriptors() override;
    bool flip_flags(std::uint16_t ahead, std::uint16_t bits) override;

private:
    [[nodiscard]] bool is_available(Place place) const noexcept;
    [[nodiscard]] Place end_of_available() const noexcept;
    [[nodiscard]] bool follow(Chain& chain);
    [[nodiscard]] bool add_descriptor(ChainBuilder& builder, Chain& chain, Place place);
    [[nodiscard]] bool follow_table(ChainBuilder& builder, const Chain& chain) const;
    void mark_used(Place place, bool written) noexcept;
    void release(const UsedBuffer& buffer) noexcept;
    [[nodiscard]] bool interrupt_wanted(Place before) const;

    Memory& memory_;
    const Blame& blame_;
    QueueRules rules_;
    std::uint16_t size_;
    virtio::PackedDescriptor* ring_ = nullptr;
    virtio::EventSuppression* driver_event_ = nullptr;
    virtio::EventSuppression* device_event_ = nullptr;

    Place fetched_;                // where the next buffer is read
    Place used_;                   // where the next used descriptor is written
    Place event_;                  // what the device's event suppression area says with event_flags::desc
    std::uint32_t in_flight_ = 0;  // descriptors fetched and not used
    NotificationWish wish_;
    std::vector<bool> held_;  // ids of buffers that were fetched and not used
};

bool PackedLayout::attach(const virtio::QueueConfig& config) {
    if (size_ == 0 || size_ > virtio::max_queue_size) return blame_("queue size " + std::to_string(size_));
    // 2.8.10.1: alignments of the three parts.
    if (config.descriptor_area.value % 16 != 0) return blame_("descriptor ring is not aligned to 16");
    if (config.driver_area.value % 4 != 0) return blame_("driver event suppression is not aligned to 4");
    if (config.device_area.value % 4 != 0) return blame_("device event suppression is not aligned to 4");
    const auto ring = memory_.at(config.descriptor_area, sizeof *ring_ * size_, blame_.name() + " descriptor ring");
    const auto driver = memory_.at(config.driver_area, sizeof *driver_event_, blame_.name() + " driver event");
    const auto device = memory_.at(config.device_area, sizeof *device_event_, blame_.name() + " device event");
    if (ring.empty() || driver.empty() || device.empty()) return false;
    ring_ = reinterpret_cast<virtio::PackedDescriptor*>(ring.data());
    driver_event_ = reinterpret_cast<virtio::EventSuppression*>(driver.data());
    device_event_ = reinterpret_cast<virtio::EventSuppression*>(device.data());
    ask({});
    return true;
}

bool PackedLayout::is_available(Place place) const noexcept {
    const std::uint16_t flags = load_acquire(ring_[place.offset()].flags);
    return ((flags & mark::avail) != 0) == place.wrap() && ((flags & mark::used) != 0) != place.wrap();
}

Place PackedLayout::end_of_available() const noexcept {
    Place place = fetched_;
    for (std::uint32_t i = in_flight_; i < size_ && is_available(place); ++i) place = place.plus(1);
    return place;
}

RingLayout::Found PackedLayout::read(Chain& chain) {
    if (!has_available()) return Found::nothing;
    if (!follow(chain)) return Found::violation;
    fetched_ = fetched_.plus(chain.descriptors);
    in_flight_ += chain.descriptors;
    held_[chain.id] = true;
    // The event moves along as soon as it lies behind.
    if (wish_.wanted && wish_.by_event && rules_.event_idx && fetched_.to(event_) >= size_) {
        event_ = fetched_;
        store_relaxed(device_event_->desc, event_.encoded());
    }
    return Found::buffer;
}

bool PackedLayout::follow(Chain& chain) {
    chain = {};
    ChainBuilder builder{memory_, blame_, chain, size_};
    for (Place place = fetched_;; place = place.plus(1)) {
        const std::string name = "descriptor " + std::to_string(place.offset());
        // 2.8.21.1: all of a list is there before its first descriptor is.
        if (!is_available(place)) return blame_(name + " of a list is not available");
        if (in_flight_ + chain.descriptors == size_) return blame_(name + " is the device's already");
        if (!add_descriptor(builder, chain, place)) return false;
        ++chain.descriptors;
        const virtio::PackedDescriptor& descriptor = ring_[place.offset()];
        if ((load_relaxed(descriptor.flags) & flag::next) != 0) continue;
        // 2.8.6: the last descriptor has the id.
        chain.id = load_relaxed(descriptor.id);
        if (chain.id >= size_) return blame_("buffer id " + std::to_string(chain.id) + " is not below the queue size");
        if (held_[chain.id]) return blame_("buffer id " + std::to_string(chain.id) + " is the device's already");
        return true;
    }
}

bool PackedLayout::add_descriptor(ChainBuilder& builder, Chain& chain, Place place) {
    const std::string name = "descriptor " + std::to_string(place.offset());
    const virtio::PackedDescriptor& descriptor = ring_[place.offset()];
    const std::uint16_t flags = load_relaxed(descriptor.flags);
    const virtio::Iova address{descriptor.addr.value()};
    const std::uint32_t length = load_relaxed(descriptor.len);
    const auto known = flag::next | flag::write | mark::avail | mark::used | (rules_.indirect ? flag::indirect : 0);
    if ((flags & ~known) != 0) return blame_(name + " has flags " + std::to_string(flags));
    if ((flags & flag::indirect) == 0) return builder.element(address, length, (flags & flag::write) != 0);
    // 2.8.19.1: not in a list.
    if ((flags & flag::next) != 0 || chain.descriptors != 0) return blame_(name + " is indirect and in a list");
    return builder.table(address, length) && follow_table(builder, chain);
}

// 2.8.7: every entry counts, one behind the other, and has no flag but WRITE.
bool PackedLayout::follow_table(ChainBuilder& builder, const Chain& chain) const {
    for (std::size_t at = 0; at < chain.table.size(); at += sizeof(virtio::PackedDescriptor)) {
        virtio::PackedDescriptor descriptor;
        std::memcpy(static_cast<void*>(&descriptor), chain.table.data() + at, sizeof descriptor);
        const std::uint16_t flags = descriptor.flags.value();
        if ((flags & ~flag::write) != 0) return blame_("an indirect descriptor has flags " + std::to_string(flags));
        if (!builder.element({descriptor.addr.value()}, descriptor.len.value(), flags != 0)) return false;
    }
    return true;
}

void PackedLayout::mark_used(Place place, bool written) noexcept {
    const int marks = place.wrap() ? mark::avail | mark::used : 0;
    store_release(ring_[place.offset()].flags, static_cast<std::uint16_t>(marks | (written ? flag::write : 0)));
}

void PackedLayout::release(const UsedBuffer& buffer) noexcept {
    in_flight_ -= std::min<std::uint32_t>(in_flight_, buffer.descriptors);
    if (buffer.id < size_) held_[buffer.id] = false;
    for (const std::uint16_t id : buffer.skipped) held_[id] = false;
}

bool PackedLayout::publish(std::span<const UsedBuffer> used) {
    const Place before = used_;
    for (std::size_t i = 0; i < used.size();) {
        // 2.8.10: of a packet's buffers the first is marked last, so that the driver never sees a part.
        std::vector<Place> places;
        const std::size_t first = i;
        do {
            virtio::PackedDescriptor& descriptor = ring_[used_.offset()];
            store_relaxed(descriptor.id, static_cast<std::uint16_t>(used[i].id));
            store_relaxed(descriptor.len, used[i].length);
            places.push_back(used_);
            used_ = used_.plus(used[i].descriptors);
            release(used[i]);
            ++i;
        } while (i < used.size() && used[i].continues);
        for (std::size_t n = places.size(); n-- > 0;) mark_used(places[n], used[first + n].written);
    }
    support::full_barrier();  // 2.8.22: the flags before the driver's wish is read
    return interrupt_wanted(before);
}

bool PackedLayout::interrupt_wanted(Place before) const {
    const std::uint16_t flags = load_acquire(driver_event_->flags);
    if (flags == event::enable) return true;
    if (flags == event::disable) return false;
    if (flags != event::desc || !rules_.event_idx) return blame_("driver event flags are " + std::to_string(flags));
    const std::uint16_t encoded = load_relaxed(driver_event_->desc);
    const std::uint16_t offset = encoded & 0x7fff;
    if (offset >= size_) return blame_("driver event offset is " + std::to_string(offset));
    const Place wanted{size_, static_cast<std::uint32_t>(offset) + ((encoded & 0x8000) != 0 ? 0u : size_)};
    return before.to(wanted) < before.to(used_);
}

void PackedLayout::ask(const NotificationWish& wish) noexcept {
    wish_ = wish;
    std::uint16_t flags = wish.wanted ? event::enable : event::disable;
    if (wish.wanted && wish.by_event && rules_.event_idx) {
        event_ = fetched_.plus(wish.ahead);
        store_relaxed(device_event_->desc, event_.encoded());
        flags = event::desc;
    }
    store_release(device_event_->flags, flags);
    support::full_barrier();
}

bool PackedLayout::notification_owed(std::uint16_t seen) const noexcept {
    const Place then{size_, seen};
    const Place now = end_of_available();
    if (!wish_.wanted || then.to(now) == 0) return false;
    return !wish_.by_event || !rules_.event_idx || then.to(event_) < then.to(now);
}

void PackedLayout::move_used(int by) {
    for (; by > 0; --by, used_ = used_.plus(1)) mark_used(used_, true);
    for (; by < 0; ++by) {
        used_ = used_.minus(1);
        const int marks = used_.wrap() ? mark::avail : mark::used;  // available, as before
        store_release(ring_[used_.offset()].flags, static_cast<std::uint16_t>(marks));
    }
}

void PackedLayout::scramble_descriptors() {
    // Used ones belong to the driver, whether it has looked or not.
    for (std::uint32_t i = 0; i < in_flight_; ++i) {
        virtio::PackedDescriptor& descriptor = ring_[used_.plus(i).offset()];
        descriptor.addr = 0xa5a5'a5a5'a5a5'a5a5;
        store_relaxed(descriptor.len, 0xa5a5'a5a5u);
        store_relaxed(descriptor.id, std::uint16_t{0xa5a5});
    }
}

bool PackedLayout::flip_flags(std::uint16_t ahead, std::uint16_t bits) {
    virtio::PackedDescriptor& descriptor = ring_[used_.plus(ahead).offset()];
    store_release(descriptor.flags, static_cast<std::uint16_t>(load_relaxed(descriptor.flags) ^ bits));
    return true;
}

}  // namespace

std::unique_ptr<RingLayout> make_packed_layout(Memory& memory, const Blame& blame, QueueRules rules,
                                               const virtio::QueueConfig& config, std::uint16_t start) {
    auto layout = std::make_unique<PackedLayout>(memory, blame, rules, config.size, start);
    return layout->attach(config) ? std::move(layout) : nullptr;
}

}  // namespace vmq::software
