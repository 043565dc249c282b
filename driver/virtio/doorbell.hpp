// How a driver tells a device that a virtqueue has something new. VIRTIO 1.3, 4.1.5.2.
#pragma once

#include <cstdint>
#include <unistd.h>

#include "driver/support/mmio.hpp"

namespace vmq::virtio {

// A value: a register and the word to store in it, or an eventfd to add one to. It owns neither.
class Doorbell {
public:
    Doorbell() noexcept = default;
    [[nodiscard]] static Doorbell at_register(support::MmioWindow window, std::uint16_t word) noexcept {
        Doorbell doorbell;
        doorbell.window_ = window;
        doorbell.word_ = word;
        return doorbell;
    }
    [[nodiscard]] static Doorbell at_eventfd(int fd) noexcept {
        Doorbell doorbell;
        doorbell.eventfd_ = fd;
        return doorbell;
    }

    void ring() const noexcept {
        if (window_.base() != nullptr) {
            window_.store<std::uint16_t>(0, word_);
        } else {
            const std::uint64_t one = 1;
            [[maybe_unused]] const auto written = ::write(eventfd_, &one, sizeof one);
        }
    }

private:
    support::MmioWindow window_;
    int eventfd_ = -1;
    std::uint16_t word_ = 0;
};

}  // namespace vmq::virtio
