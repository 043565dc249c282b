// The split ring, device side. VIRTIO 1.3, 2.7.
#include <bit>
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

namespace {

std::uint16_t distance(std::uint16_t from, std::uint16_t to) { return static_cast<std::uint16_t>(to - from); }

class SplitLayout : public RingLayout {
public:
    SplitLayout(Memory& memory, const Blame& blame, QueueRules rules, std::uint16_t size, std::uint16_t start)
        : memory_(memory),
          blame_(blame),
          rules_(rules),
          size_(size),
          fetched_(start),
          used_idx_(start),
          event_(start),
          held_(size, false) {}

    [[nodiscard]] bool attach(const virtio::QueueConfig& config);

    [[nodiscard]] Found read(Chain& chain) override;
    [[nodiscard]] bool has_available() const noexcept override { return available_index() != fetched_; }
    [[nodiscard]] std::uint16_t available_index() const noexcept override { return load_acquire(available_->idx); }
    [[nodiscard]] bool publish(std::span<const UsedBuffer> used) override;
    void ask(const NotificationWish& wish) noexcept override;
    [[nodiscard]] bool can_be_told(std::uint16_t position) const noexcept override {
        return distance(position, available_index()) <= size_;
    }
    [[nodiscard]] bool notification_owed(std::uint16_t seen) const noexcept override;

    void move_used(int by) override {
        used_idx_ = static_cast<std::uint16_t>(used_idx_ + by);
        store_release(used_->idx, used_idx_);
    }
    void scramble_descriptors() override {
        std::memset(static_cast<void*>(table_), 0xa5, sizeof(virtio::Descriptor) * size_);
    }
    bool flip_flags(std::uint16_t, std::uint16_t) override { return false; }

private:
    [[nodiscard]] bool lies_in_one_piece(const virtio::QueueConfig& config) const;
    [[nodiscard]] bool follow(std::uint16_t head, Chain& chain);
    [[nodiscard]] bool follow_table(ChainBuilder& builder, Chain& chain);
    [[nodiscard]] bool flags_are_right(std::uint16_t flags, const char* where) const;
    void move_event() noexcept;
    void release(std::uint32_t head) noexcept;

    Memory& memory_;
    const Blame& blame_;
    QueueRules rules_;
    std::uint16_t size_;
    virtio::Descriptor* table_ = nullptr;
    virtio::RingHeader* available_ = nullptr;
    virtio::le16* available_ring_ = nullptr;
    virtio::le16* used_event_ = nullptr;
    virtio::RingHeader* used_ = nullptr;
    virtio::UsedElement* used_ring_ = nullptr;
    virtio::le16* available_event_ = nullptr;

    std::uint16_t fetched_;        // next entry of the available ring
    std::uint16_t used_idx_;       // as the driver sees it
    std::uint16_t event_;          // what available_event says
    std::uint16_t next_head_ = 0;  // with IN_ORDER: where the next buffer has to begin
    NotificationWish wish_;
    std::vector<bool> held_;  // descriptors in chains that were fetched and not used
    std::vector<std::vector<std::uint16_t>> chains_{std::vector<std::vector<std::uint16_t>>(size_)};  // by their head
};

bool SplitLayout::attach(const virtio::QueueConfig& config) {
    if (!std::has_single_bit(size_)) return blame_("queue size " + std::to_string(size_));
    // 2.7: alignments of the three areas.
    if (config.descriptor_area.value % 16 != 0) return blame_("descriptor table is not aligned to 16");
    if (config.driver_area.value % 2 != 0) return blame_("available ring is not aligned to 2");
    if (config.device_area.value % 4 != 0) return blame_("used ring is not aligned to 4");
    if (rules_.legacy && !lies_in_one_piece(config)) return false;
    const std::size_t count = size_;
    const auto table = memory_.at(config.descriptor_area, 16 * count, blame_.name() + " descriptor table");
    const auto available = memory_.at(config.driver_area, 6 + 2 * count, blame_.name() + " available ring");
    const auto used = memory_.at(config.device_area, 6 + 8 * count, blame_.name() + " used ring");
    if (table.empty() || available.empty() || used.empty()) return false;
    table_ = reinterpret_cast<virtio::Descriptor*>(table.data());
    available_ = reinterpret_cast<virtio::RingHeader*>(available.data());
    available_ring_ = reinterpret_cast<virtio::le16*>(available.data() + 4);
    used_event_ = available_ring_ + count;
    used_ = reinterpret_cast<virtio::RingHeader*>(used.data());
    used_ring_ = reinterpret_cast<virtio::UsedElement*>(used.data() + 4);
    available_event_ = reinterpret_cast<virtio::le16*>(used.data() + 4 + 8 * count);
    store_relaxed(*available_event_, event_);
    store_relaxed(used_->idx, used_idx_);
    return true;
}

// A legacy device is told the first page, and finds the rest by itself.
bool SplitLayout::lies_in_one_piece(const virtio::QueueConfig& config) const {
    constexpr std::uint64_t page = 4096;
    const std::uint64_t table = config.descriptor_area.value;
    const std::uint64_t available = table + 16u * size_;
    const std::uint64_t used = (available + 6 + 2u * size_ + page - 1) / page * page;
    if (table % page != 0) return blame_("a legacy descriptor table that no page begins with");
    if (config.driver_area.value != available) return blame_("a legacy available ring not right behind the table");
    if (config.device_area.value != used) return blame_("a legacy used ring not on the next page");
    return true;
}

RingLayout::Found SplitLayout::read(Chain& chain) {
    const std::uint16_t waiting = distance(fetched_, available_index());
    if (waiting == 0) return Found::nothing;
    if (waiting > size_) {
        blame_("the available index moved by " + std::to_string(waiting));
        return Found::violation;
    }
    const std::uint16_t head = load_relaxed(available_ring_[fetched_ % size_]);
    if (!follow(head, chain)) return Found::violation;
    ++fetched_;
    move_event();
    return Found::buffer;
}

// 2.7.10: with EVENT_IDX this is the index whose publication calls for a notification.
void SplitLayout::move_event() noexcept {
    if (!rules_.event_idx || !wish_.wanted || distance(fetched_, event_) < 0x8000) return;
    event_ = fetched_;
    store_relaxed(*available_event_, event_);
}

bool SplitLayout::flags_are_right(std::uint16_t flags, const char* where) const {
    const auto known = static_cast<std::uint16_t>(flag::next | flag::write | (rules_.indirect ? flag::indirect : 0));
    if ((flags & ~known) != 0) return blame_(where + std::string{" has flags "} + std::to_string(flags));
    if ((flags & flag::indirect) != 0 && (flags & flag::next) != 0)
        return blame_(where + std::string{" is indirect and has a next one"});
    return true;
}

bool SplitLayout::follow(std::uint16_t head, Chain& chain) {
    chain = {};
    chain.id = head;
    // 2.7.5: with IN_ORDER descriptors are used from offset 0 on.
    if (rules_.in_order && head != next_head_)
        return blame_("buffer at descriptor " + std::to_string(head) + " where IN_ORDER has " +
                      std::to_string(next_head_));
    ChainBuilder builder{memory_, blame_, chain, size_};
    std::vector<std::uint16_t> ids;
    for (std::uint16_t id = head;;) {
        const std::string name = "descriptor " + std::to_string(id);
        if (id >= size_) return blame_(name + " is outside the table");
        if (held_[id]) return blame_(name + " is the device's already");
        held_[id] = true;
        ids.push_back(id);
        const virtio::Descriptor descriptor = table_[id];
        const std::uint16_t flags = descriptor.flags.value();
        if (!flags_are_right(flags, name.c_str())) return false;
        if ((flags & flag::indirect) != 0) {
            if (!builder.table({descriptor.addr.value()}, descriptor.len.value())) return false;
            if (!follow_table(builder, chain)) return false;
        } else if (!builder.element({descriptor.addr.value()}, descriptor.len.value(), (flags & flag::write) != 0)) {
            return false;
        }
        const auto following = static_cast<std::uint16_t>((id + 1) % size_);
        next_head_ = following;
        if ((flags & flag::next) == 0) break;
        const std::uint16_t next = descriptor.next.value();
        if (rules_.in_order && next != following)
            return blame_(name + " is followed by " + std::to_string(next) + " with IN_ORDER");
        id = next;
    }
    chain.descriptors = static_cast<std::uint16_t>(ids.size());
    chains_[head] = std::move(ids);
    return true;
}

bool SplitLayout::follow_table(ChainBuilder& builder, Chain& chain) {
    const std::size_t count = chain.table.size() / sizeof(virtio::Descriptor);
    std::size_t at = 0;
    for (std::size_t steps = 0; steps < count; ++steps) {
        const std::string name = "indirect descriptor " + std::to_string(at);
        virtio::Descriptor descriptor;
        std::memcpy(static_cast<void*>(&descriptor), chain.table.data() + at * sizeof descriptor, sizeof descriptor);
        const std::uint16_t flags = descriptor.flags.value();
        if ((flags & flag::indirect) != 0) return blame_(name + " is indirect itself");
        if (!flags_are_right(flags, name.c_str())) return false;
        if (!builder.element({descriptor.addr.value()}, descriptor.len.value(), (flags & flag::write) != 0))
            return false;
        if ((flags & flag::next) == 0) return true;
        const std::size_t next = descriptor.next.value();
        if (next >= count) return blame_(name + " is followed by " + std::to_string(next) + ", outside its table");
        if (rules_.in_order && next != at + 1)
            return blame_(name + " is followed by " + std::to_string(next) + " with IN_ORDER");
        at = next;
    }
    return blame_("an indirect table that loops");
}

bool SplitLayout::publish(std::span<const UsedBuffer> used) {
    const std::uint16_t before = used_idx_;
    for (const UsedBuffer& buffer : used) {
        // 2.7.9: a batch's element is where its first buffer's would be.
        virtio::UsedElement& element = used_ring_[used_idx_ % size_];
        store_relaxed(element.id, buffer.id);
        store_relaxed(element.len, buffer.length);
        used_idx_ = static_cast<std::uint16_t>(used_idx_ + 1 + buffer.skipped.size());
        release(buffer.id);
        for (const std::uint16_t id : buffer.skipped) release(id);
    }
    store_release(used_->idx, used_idx_);  // 2.7.8.2: elements before the index
    support::full_barrier();               // 2.7.7.2: the index before the driver's wish is read
    const std::uint16_t flags = load_relaxed(available_->flags);
    if (!rules_.event_idx) return (flags & virtio::available_flags::no_interrupt) == 0;
    if (flags != 0) blame_("available flags are " + std::to_string(flags) + " with EVENT_IDX");  // 2.7.7.1
    return distance(before, load_relaxed(*used_event_)) < distance(before, used_idx_);
}

void SplitLayout::release(std::uint32_t head) noexcept {
    if (head >= size_) return;
    for (const std::uint16_t id : chains_[head]) held_[id] = false;
    chains_[head].clear();
}

void SplitLayout::ask(const NotificationWish& wish) noexcept {
    wish_ = wish;
    if (rules_.event_idx) {
        // Behind the present index nothing calls for a notification until 2^16 more buffers.
        event_ = static_cast<std::uint16_t>(wish.wanted ? fetched_ + wish.ahead : fetched_ - 1);
        store_relaxed(*available_event_, event_);
    } else {
        store_relaxed(used_->flags, wish.wanted ? std::uint16_t{0} : virtio::used_flags::no_notify);
    }
    support::full_barrier();
}

bool SplitLayout::notification_owed(std::uint16_t seen) const noexcept {
    const std::uint16_t now = available_index();
    if (!wish_.wanted || now == seen) return false;
    return !rules_.event_idx || distance(seen, event_) < distance(seen, now);
}

}  // namespace

std::unique_ptr<RingLayout> make_split_layout(Memory& memory, const Blame& blame, QueueRules rules,
                                              const virtio::QueueConfig& config, std::uint16_t start) {
    auto layout = std::make_unique<SplitLayout>(memory, blame, rules, config.size, start);
    return layout->attach(config) ? std::move(layout) : nullptr;
}

}  // namespace vmq::software
