// How control commands reach the device: through its control virtqueue, or as the transport carries them out itself.
// VIRTIO 1.3, 5.1.6.5.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "driver/virtio/spec.hpp"

namespace vmq::virtio {

// Control thread only, but for usable() and the counts.
class ControlPath {
public:
    virtual ~ControlPath() = default;

    // Sends a command and blocks for its answer. Throws Errc::device_refused; Errc::device_timeout, after which the
    // path is unusable, since the device may still carry the command out; Errc::control_queue_unusable from then on;
    // Errc::bad_device when the answer breaks the rules; Errc::device_removed. `what` names the command in the error.
    // `result` takes what the device answers behind its ack; 0 what it leaves out.
    void execute(ControlClass control_class, std::uint8_t command, std::span<const std::byte> data,
                 std::chrono::milliseconds deadline, const std::string& what, std::span<std::byte> result = {});

    [[nodiscard]] bool usable() const noexcept { return usable_.load(std::memory_order_relaxed); }
    // Throws Errc::control_queue_unusable where that is so.
    void require_usable(const std::string& what) const;
    // The device has been reset: no command is unanswered any more.
    virtual void restart() noexcept { usable_.store(true, std::memory_order_relaxed); }

    [[nodiscard]] std::uint64_t commands() const noexcept { return commands_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t failures() const noexcept { return failures_.load(std::memory_order_relaxed); }

protected:
    ControlPath() = default;
    ControlPath(const ControlPath&) = delete;
    ControlPath& operator=(const ControlPath&) = delete;

private:
    // Throws as execute does.
    virtual void carry_out(ControlClass control_class, std::uint8_t command, std::span<const std::byte> data,
                           std::chrono::milliseconds deadline, const std::string& what,
                           std::span<std::byte> result) = 0;

    std::atomic<bool> usable_{true};
    std::atomic<std::uint64_t> commands_{0};
    std::atomic<std::uint64_t> failures_{0};
};

}  // namespace vmq::virtio
