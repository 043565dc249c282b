// What split and packed virtqueues have in common: which buffers the device holds and how they go back.
#include "tests/device/virtqueue.hpp"

#include <algorithm>

#include "tests/device/scatter.hpp"

namespace vmq::software {

void Virtqueue::enable(const virtio::QueueConfig& config, virtio::FeatureSet features, std::uint16_t start) {
    rules_ = QueueRules{features};
    size_ = config.size;
    vector_ = config.vector;
    held_.clear();
    order_.clear();
    used_.clear();
    const auto make = rules_.packed ? make_packed_layout : make_split_layout;
    layout_ = make(memory_, blame_, rules_, config, start);
    if (layout_ != nullptr) static_cast<void>(want_notifications(true));
    note_seen();
}

bool Virtqueue::fetch(Chain& chain) {
    if (!enabled()) return false;
    const auto found = layout_->read(chain);
    if (found == RingLayout::Found::violation) layout_.reset();
    if (found != RingLayout::Found::buffer) return false;
    held_[chain.id] = {.descriptors = chain.descriptors,
                       .room = static_cast<std::uint32_t>(size_of(chain.writable)),
                       .table = chain.table,
                       .table_then = {chain.table.begin(), chain.table.end()}};
    if (rules_.in_order) order_.push_back(chain.id);
    return true;
}

// The driver may not touch an indirect table while the device could still read it.
void Virtqueue::check_table(std::uint16_t id, const Held& held) const {
    if (!std::ranges::equal(held.table, held.table_then))
        blame_("the indirect table of buffer " + std::to_string(id) + " changed while the device had it");
}

void Virtqueue::complete(std::uint16_t id, std::uint32_t length, bool continues) {
    if (!enabled()) return;
    const auto entry = held_.find(id);
    if (entry == held_.end()) return write_used(id, length);
    entry->second.length = length;
    entry->second.continues = continues;
    if (!rules_.in_order) {
        use(id, entry->second);
        held_.erase(entry);
        return;
    }
    while (!order_.empty()) {
        const auto oldest = held_.find(order_.front());
        if (!oldest->second.length) return;
        use(oldest->first, oldest->second);
        held_.erase(oldest);
        order_.pop_front();
    }
}

// Skipped buffers count as read or written completely.
bool Virtqueue::joins_last(const Held& held) const {
    return rules_.in_order && !used_.empty() && last_is_full_ && used_.back().skipped.size() + 1 < most_in_batch_ &&
           (held.room == 0) == !used_.back().written;
}

void Virtqueue::use(std::uint16_t id, const Held& held) {
    check_table(id, held);
    UsedBuffer buffer{.id = id,
                      .length = *held.length,
                      .descriptors = held.descriptors,
                      .written = held.room != 0,
                      .continues = held.continues};
    if (joins_last(held)) {
        UsedBuffer last = std::move(used_.back());
        used_.pop_back();
        buffer.skipped = std::move(last.skipped);
        buffer.skipped.push_back(static_cast<std::uint16_t>(last.id));
        buffer.descriptors = static_cast<std::uint16_t>(buffer.descriptors + last.descriptors);
        buffer.continues = last.continues;
    }
    used_.push_back(std::move(buffer));
    last_is_full_ = held.room == 0 || *held.length == held.room;
}

bool Virtqueue::publish() {
    if (!enabled() || used_.empty()) return false;
    const bool wanted = layout_->publish(used_);
    used_.clear();
    return wanted;
}

bool Virtqueue::ask(const NotificationWish& wish) noexcept {
    if (!enabled()) return true;
    layout_->ask(wish);
    return !wish.wanted || !layout_->has_available();
}

void Virtqueue::write_used(std::uint32_t id, std::uint32_t length) {
    if (!enabled()) return;
    const auto held = id < size_ ? held_.find(static_cast<std::uint16_t>(id)) : held_.end();
    UsedBuffer buffer{.id = id, .length = length, .written = true};
    if (held != held_.end()) buffer.descriptors = held->second.descriptors;
    used_.push_back(std::move(buffer));
    last_is_full_ = false;
}

void Virtqueue::move_used_index(int distance) {
    if (enabled()) layout_->move_used(distance);
}

void Virtqueue::scramble_descriptors() {
    if (enabled()) layout_->scramble_descriptors();
}

bool Virtqueue::flip_flags(std::uint16_t ahead, std::uint16_t bits) {
    return enabled() && layout_->flip_flags(ahead, bits);
}

}  // namespace vmq::software
