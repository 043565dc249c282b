// Fetching available buffers with every rule checked, and handing out used ones.
#include "tests/device/virtqueue.hpp"

#include <bit>
#include <cstring>

#include "driver/support/barriers.hpp"

namespace vmq::software {

using support::load_acquire;
using support::load_relaxed;
using support::store_relaxed;
using support::store_release;

namespace {

std::uint16_t distance(std::uint16_t from, std::uint16_t to) { return static_cast<std::uint16_t>(to - from); }

}  // namespace

bool Virtqueue::violation(const std::string& text) {
    violations_.add(name_ + ": " + text);
    return false;
}

bool Virtqueue::areas_are_right(const virtio::QueueConfig& config) {
    if (!std::has_single_bit(config.size)) return violation("queue size " + std::to_string(config.size));
    // 2.7: alignments of the three areas.
    if (config.descriptor_area.value % 16 != 0) return violation("descriptor table is not aligned to 16");
    if (config.driver_area.value % 2 != 0) return violation("available ring is not aligned to 2");
    if (config.device_area.value % 4 != 0) return violation("used ring is not aligned to 4");
    return true;
}

void Virtqueue::enable(const virtio::QueueConfig& config, bool event_idx, std::uint16_t start) {
    if (!areas_are_right(config)) return;
    const std::size_t count = config.size;
    const auto table = memory_.at(config.descriptor_area, 16 * count, name_ + " descriptor table");
    const auto available = memory_.at(config.driver_area, 6 + 2 * count, name_ + " available ring");
    const auto used = memory_.at(config.device_area, 6 + 8 * count, name_ + " used ring");
    if (table.empty() || available.empty() || used.empty()) return;

    table_ = reinterpret_cast<virtio::Descriptor*>(table.data());
    available_ = reinterpret_cast<virtio::RingHeader*>(available.data());
    available_ring_ = reinterpret_cast<virtio::le16*>(available.data() + 4);
    used_event_ = available_ring_ + count;
    used_ = reinterpret_cast<virtio::RingHeader*>(used.data());
    used_ring_ = reinterpret_cast<virtio::UsedElement*>(used.data() + 4);
    available_event_ = reinterpret_cast<virtio::le16*>(used.data() + 4 + 8 * count);

    size_ = config.size;
    vector_ = config.vector;
    event_idx_ = event_idx;
    fetched_ = completed_ = published_ = start;
    notifications_ = true;
    store_relaxed(*available_event_, start);
    store_relaxed(used_->idx, start);
    held_.assign(count, false);
    next_.assign(count, 0);
    enabled_ = true;
}

std::uint16_t Virtqueue::available_index() const noexcept {
    return enabled_ ? load_acquire(available_->idx) : fetched_;
}

std::uint16_t Virtqueue::available() const noexcept { return distance(fetched_, available_index()); }

bool Virtqueue::fetch(Chain& chain) {
    if (!enabled_) return false;
    const std::uint16_t waiting = available();
    if (waiting == 0) return false;
    if (waiting > size_) {
        enabled_ = false;
        return violation("the available index moved by " + std::to_string(waiting));
    }
    const std::uint16_t head = load_relaxed(available_ring_[fetched_ % size_]);
    if (!follow(head, chain)) {
        enabled_ = false;
        return false;
    }
    ++fetched_;
    // 2.7.10: with EVENT_IDX this is the index whose publication calls for a notification.
    if (notifications_ && event_idx_) store_relaxed(*available_event_, fetched_);
    return true;
}

bool Virtqueue::follow(std::uint16_t head, Chain& chain) {
    chain.head = head;
    chain.readable.clear();
    chain.writable.clear();
    for (std::uint16_t id = head;;) {
        if (id >= size_) return violation("descriptor " + std::to_string(id) + " is outside the table");
        if (held_[id]) return violation("descriptor " + std::to_string(id) + " is the device's already");
        held_[id] = true;
        const std::uint16_t flags = table_[id].flags.value();
        if ((flags & ~(virtio::descriptor_flags::next | virtio::descriptor_flags::write)) != 0)
            return violation("descriptor " + std::to_string(id) + " has flags " + std::to_string(flags));
        const std::uint32_t length = table_[id].len.value();
        if (length == 0) return violation("descriptor " + std::to_string(id) + " is empty");
        const auto bytes = memory_.at({table_[id].addr.value()}, length, name_ + " buffer");
        if (bytes.empty()) return false;
        if ((flags & virtio::descriptor_flags::write) != 0)
            chain.writable.push_back(bytes);
        else if (!chain.writable.empty())
            return violation("a readable descriptor behind a writable one");  // 2.7.4.2
        else
            chain.readable.push_back(bytes);
        const bool last = (flags & virtio::descriptor_flags::next) == 0;
        next_[id] = last ? id : table_[id].next.value();
        if (last) return true;
        id = next_[id];
    }
}

void Virtqueue::complete(std::uint16_t head, std::uint32_t length) {
    if (!enabled_) return;
    for (std::uint16_t id = head;; id = next_[id]) {
        held_[id] = false;
        if (next_[id] == id) break;
    }
    write_used(head, length);
}

bool Virtqueue::publish() {
    if (!enabled_ || completed_ == published_) return false;
    const std::uint16_t before = published_;
    published_ = completed_;
    store_release(used_->idx, published_);  // 2.7.8.2: elements before the index
    support::full_barrier();                // 2.7.7.2: the index before the driver's wish is read
    const std::uint16_t flags = load_relaxed(available_->flags);
    if (!event_idx_) return (flags & virtio::available_flags::no_interrupt) == 0;
    if (flags != 0) violation("available flags are " + std::to_string(flags) + " with EVENT_IDX");  // 2.7.7.1
    const std::uint16_t event = load_relaxed(*used_event_);
    return distance(before, event) < distance(before, published_);
}

bool Virtqueue::want_notifications(bool wanted) noexcept {
    notifications_ = wanted;
    if (!enabled_) return true;
    if (event_idx_)
        // Behind the present index nothing calls for a notification until 2^16 more buffers.
        store_relaxed(*available_event_, wanted ? fetched_ : static_cast<std::uint16_t>(fetched_ - 1));
    else
        store_relaxed(used_->flags, wanted ? std::uint16_t{0} : virtio::used_flags::no_notify);
    support::full_barrier();
    return !wanted || available() == 0;
}

void Virtqueue::write_used(std::uint32_t id, std::uint32_t length) {
    if (!enabled_) return;
    virtio::UsedElement& element = used_ring_[completed_ % size_];
    store_relaxed(element.id, id);
    store_relaxed(element.len, length);
    ++completed_;
}

void Virtqueue::move_used_index(int distance_to_move) {
    if (!enabled_) return;
    completed_ = published_ = static_cast<std::uint16_t>(published_ + distance_to_move);
    store_release(used_->idx, published_);
}

void Virtqueue::scramble_descriptors() {
    if (enabled_) std::memset(static_cast<void*>(table_), 0xa5, sizeof(virtio::Descriptor) * size_);
}

}  // namespace vmq::software
