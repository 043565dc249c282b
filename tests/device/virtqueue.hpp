// The device's side of a virtqueue, written apart from the driver's so that one misunderstanding is not in both.
// VIRTIO 1.3, 2.7 and 2.8.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "driver/virtio/queue_config.hpp"
#include "tests/device/chain.hpp"
#include "tests/device/ring_layout.hpp"

namespace vmq::software {

// One thread at a time.
class Virtqueue {
public:
    Virtqueue(Memory& memory, Violations& violations, std::string name)
        : memory_(memory), blame_(violations, std::move(name)) {}

    // `start` counts what has gone before: buffers of a split ring, descriptors of a packed one.
    void enable(const virtio::QueueConfig& config, virtio::FeatureSet features, std::uint16_t start);
    void disable() noexcept { layout_.reset(); }
    [[nodiscard]] bool enabled() const noexcept { return layout_ != nullptr; }
    [[nodiscard]] const std::string& name() const noexcept { return blame_.name(); }
    [[nodiscard]] std::uint16_t size() const noexcept { return size_; }
    [[nodiscard]] virtio::VectorIndex vector() const noexcept { return vector_; }
    [[nodiscard]] bool in_order() const noexcept { return rules_.in_order; }

    [[nodiscard]] bool has_available() const noexcept { return enabled() && layout_->has_available(); }
    // Where the driver's next buffer will be.
    [[nodiscard]] std::uint16_t available_index() const noexcept { return enabled() ? layout_->available_index() : 0; }
    // Takes the next available buffer. False: there is none, or it breaks the rules (then the queue is looked at no
    // more).
    [[nodiscard]] bool fetch(Chain& chain);

    // Gives a fetched buffer back to the driver, at the next publish(). With IN_ORDER it waits for those that were
    // fetched before it. `continues`: it belongs to the same packet as the one before.
    void complete(std::uint16_t id, std::uint32_t length, bool continues = false);
    // True: the driver wants to be interrupted for what is new.
    [[nodiscard]] bool publish();
    // With IN_ORDER: up to so many buffers are given back by naming the last. 2.7.9, 2.8.9.
    void set_batches(std::size_t most) noexcept { most_in_batch_ = most; }

    // Whether notifications are wanted. wanted(true) returns false when something is available already, for which none
    // may come.
    [[nodiscard]] bool want_notifications(bool wanted) noexcept {
        return ask({.wanted = wanted, .by_event = by_event_});
    }
    // One notification, after `ahead` more buffers (split) or descriptors (packed). Needs EVENT_IDX.
    [[nodiscard]] bool want_notification_after(std::uint16_t ahead) noexcept { return ask({.ahead = ahead}); }
    // From now on a packed queue asks with event_flags::enable where it would name a descriptor.
    void ask_without_events() noexcept { by_event_ = false; }
    // What a notification with NOTIFICATION_DATA says must be true.
    void check_position(std::uint16_t position) const {
        if (enabled() && !layout_->can_be_told(position))
            blame_("a notification that says " + std::to_string(position) + " is next, which is not so");
    }
    // What is available now was seen; whether the driver owed a notification for what came since the last look.
    void note_seen() noexcept { seen_ = available_index(); }
    [[nodiscard]] bool notification_owed() const noexcept { return enabled() && layout_->notification_owed(seen_); }

    // Faults: what a device that breaks the rules would do. Nothing is checked.
    void write_used(std::uint32_t id, std::uint32_t length);  // a used element, for the next publish()
    void move_used_index(int distance);  // at once; packed: marks that many descriptors used, or unused again
    void scramble_descriptors();         // all that the device holds
    // Changes bits in the flags of the descriptor `ahead` of the next used one. False: a split ring has none.
    bool flip_flags(std::uint16_t ahead, std::uint16_t bits);

private:
    struct Held {
        std::uint16_t descriptors = 1;
        std::uint32_t room = 0;  // writable bytes
        std::span<const std::byte> table;
        std::vector<std::byte> table_then;
        std::optional<std::uint32_t> length{};  // once completed
        bool continues = false;
    };
    bool ask(const NotificationWish& wish) noexcept;
    void use(std::uint16_t id, const Held& held);
    [[nodiscard]] bool joins_last(const Held& held) const;
    void check_table(std::uint16_t id, const Held& held) const;

    Memory& memory_;
    Blame blame_;
    QueueRules rules_;
    std::uint16_t size_ = 0;
    virtio::VectorIndex vector_;
    std::unique_ptr<RingLayout> layout_;
    bool by_event_ = true;
    std::size_t most_in_batch_ = 1;
    std::uint16_t seen_ = 0;

    std::map<std::uint16_t, Held> held_;  // buffers fetched and not used
    std::deque<std::uint16_t> order_;     // theirs, with IN_ORDER
    std::vector<UsedBuffer> used_;        // for the next publish()
    bool last_is_full_ = false;           // the last of them needs no element of its own
};

}  // namespace vmq::software
