// The MSI-X vectors of a VFIO device and its request interrupt, connected to eventfds.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "driver/support/event_fd.hpp"
#include "driver/vfio/device.hpp"

namespace vmq::vfio {

// Must not outlive its Device. Disconnects everything at its end.
class Interrupts {
public:
    // Connects the request interrupt where the device has one.
    explicit Interrupts(const Device& device);
    ~Interrupts();
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;

    [[nodiscard]] unsigned vectors() const noexcept { return vectors_; }
    // As Function::enable_vectors.
    [[nodiscard]] std::size_t enable(std::span<const int> eventfds);
    [[nodiscard]] int request_event_fd() const noexcept { return request_ ? request_->fd() : -1; }

private:
    void disable() noexcept;

    const Device& device_;
    unsigned vectors_;
    bool enabled_ = false;
    std::optional<support::EventFd> request_;
};

}  // namespace vmq::vfio
