// The control virtqueue: one command at a time, each under a deadline. VIRTIO 1.3, 5.1.6.5.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "driver/net/queue_memory.hpp"
#include "driver/net/wake.hpp"
#include "driver/virtio/control_path.hpp"
#include "driver/virtio/spec.hpp"
#include "driver/virtio/transport.hpp"

namespace vmq::net {

// Control thread only.
class ControlQueue final : public virtio::ControlPath {
public:
    // `memory` holds the ring and, behind it, the command; event: the control vector's, or nullptr to poll.
    ControlQueue(virtio::DmaBlock memory, std::uint16_t size, virtio::RingFormat format, VectorEvent* event);
    [[nodiscard]] static std::size_t memory_size(virtio::RingFormat format, std::uint16_t size) noexcept;

    [[nodiscard]] virtio::QueueConfig config(virtio::VectorIndex vector) const noexcept {
        return std::visit([vector](const auto& ring) { return ring.config(vector); }, ring_);
    }
    void restart() noexcept override {
        std::visit([](auto& ring) { ring.restart(); }, ring_);
        ControlPath::restart();
    }
    void set_doorbell(virtio::Doorbell doorbell) noexcept { doorbell_ = doorbell; }

private:
    void carry_out(virtio::ControlClass control_class, std::uint8_t command, std::span<const std::byte> data,
                   std::chrono::milliseconds deadline, const std::string& what, std::span<std::byte> result) override;
    // Bytes that the device says to have written; nothing: no answer within the deadline, or the ring is broken.
    [[nodiscard]] std::optional<std::size_t> await_answer(std::chrono::milliseconds deadline) noexcept;
    [[nodiscard]] bool is_broken() const noexcept {
        return std::visit([](const auto& ring) { return ring.fault() != virtio::RingFault::none; }, ring_);
    }

    virtio::DmaBlock memory_;
    std::size_t command_offset_;
    bool legacy_;
    std::variant<virtio::SplitRing, virtio::PackedRing> ring_;
    virtio::Doorbell doorbell_;
    VectorEvent* event_;
};

}  // namespace vmq::net
