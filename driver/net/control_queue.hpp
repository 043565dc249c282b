// The control virtqueue: one command at a time, each under a deadline. VIRTIO 1.3, 5.1.6.5.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "driver/net/wake.hpp"
#include "driver/virtio/spec.hpp"
#include "driver/virtio/split_ring.hpp"
#include "driver/virtio/transport.hpp"

namespace vmq::net {

// Control thread only.
class ControlQueue {
public:
    // `memory` holds the ring and, behind it, the command; event: the control vector's, or nullptr to poll.
    ControlQueue(virtio::DmaBlock memory, std::uint16_t size, bool event_idx, VectorEvent* event);
    [[nodiscard]] static std::size_t memory_size(std::uint16_t size) noexcept;

    [[nodiscard]] virtio::QueueConfig config(virtio::VectorIndex vector) const noexcept { return ring_.config(vector); }
    void set_doorbell(virtio::Doorbell doorbell) noexcept { doorbell_ = doorbell; }

    // Sends a command and blocks for its answer. Throws Errc::device_refused; Errc::device_timeout, after which the
    // queue is unusable, since the device may still write the answer; Errc::control_queue_unusable from then on;
    // Errc::bad_device when the answer breaks the rules. `what` names the command in the error.
    void execute(virtio::ControlClass control_class, std::uint8_t command, std::span<const std::byte> data,
                 std::chrono::milliseconds deadline, const std::string& what);

    [[nodiscard]] bool usable() const noexcept { return usable_; }
    // Throws Errc::control_queue_unusable where that is so.
    void require_usable(const std::string& what) const;
    [[nodiscard]] std::uint64_t commands() const noexcept { return commands_.value(); }
    [[nodiscard]] std::uint64_t failures() const noexcept { return failures_.value(); }

private:
    [[nodiscard]] bool await_answer(std::chrono::milliseconds deadline) noexcept;

    virtio::DmaBlock memory_;
    virtio::SplitRing ring_;
    virtio::Doorbell doorbell_;
    VectorEvent* event_;
    bool usable_ = true;
    Counter commands_;
    Counter failures_;
};

}  // namespace vmq::net
