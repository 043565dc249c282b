// How a virtqueue lies in memory, as the device sees it: split or packed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "driver/virtio/queue_config.hpp"
#include "tests/device/chain.hpp"

namespace vmq::software {

// A used buffer on its way back to the driver.
struct UsedBuffer {
    std::uint32_t id = 0;
    std::uint32_t length = 0;
    std::uint16_t descriptors = 1;         // that it took in the ring, with those it stands for
    bool written = false;                  // the device wrote into it
    bool continues = false;                // belongs to the same packet as the one before it
    std::vector<std::uint16_t> skipped{};  // ids of the buffers before it that it stands for too (2.7.9, 2.8.9)
};

// When the driver shall notify.
struct NotificationWish {
    bool wanted = true;
    bool by_event = true;     // with EVENT_IDX, packed: for one descriptor, not for every one
    std::uint16_t ahead = 0;  // so many buffers (split) or descriptors (packed) may come first
};

// One thread at a time.
class RingLayout {
public:
    enum class Found { nothing, buffer, violation };

    virtual ~RingLayout() = default;

    // Reads the next available buffer.
    [[nodiscard]] virtual Found read(Chain& chain) = 0;
    [[nodiscard]] virtual bool has_available() const noexcept = 0;
    // Where the driver's next buffer will be.
    [[nodiscard]] virtual std::uint16_t available_index() const noexcept = 0;

    // Makes used buffers visible; true when the driver wants to be interrupted for them.
    [[nodiscard]] virtual bool publish(std::span<const UsedBuffer> used) = 0;

    // Whether a driver's notification may say, with NOTIFICATION_DATA, that this is where its next buffer will be: not
    // ahead of what is available, nor more than a ring behind (2.9).
    [[nodiscard]] virtual bool can_be_told(std::uint16_t position) const noexcept = 0;

    virtual void ask(const NotificationWish& wish) noexcept = 0;
    // Whether the driver had to notify, given that available_index() was `seen` at the device's last look.
    [[nodiscard]] virtual bool notification_owed(std::uint16_t seen) const noexcept = 0;

    // Faults. Distances are in used ring entries (split) or descriptors (packed).
    virtual void move_used(int distance) = 0;
    virtual void scramble_descriptors() = 0;
    // Changes bits in the flags of the descriptor `ahead` of the next used one. False: there are none (split).
    virtual bool flip_flags(std::uint16_t ahead, std::uint16_t bits) = 0;
};

// nullptr after a violation. `start` counts the buffers (split) or descriptors (packed) that have gone before.
[[nodiscard]] std::unique_ptr<RingLayout> make_split_layout(Memory& memory, const Blame& blame, QueueRules rules,
                                                            const virtio::QueueConfig& config, std::uint16_t start);
[[nodiscard]] std::unique_ptr<RingLayout> make_packed_layout(Memory& memory, const Blame& blame, QueueRules rules,
                                                             const virtio::QueueConfig& config, std::uint16_t start);

}  // namespace vmq::software
