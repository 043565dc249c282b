// How a driver tells a device that a virtqueue has something new. VIRTIO 1.3, 2.9 and 4.1.5.2.
#pragma once

#include <cstdint>

#include "driver/support/mmio.hpp"

namespace vmq::virtio {

// What a notification says: the virtqueue's index or what the device wants in its place, and with NOTIFICATION_DATA
// also the position of the driver's next buffer.
struct NotifyWord {
    std::uint16_t queue = 0;
    bool with_position = false;
    [[nodiscard]] constexpr std::uint32_t width() const noexcept { return with_position ? 4 : 2; }
};

// A value: a register, mapped or behind a file, and the word to store in it, or an eventfd to add one to. It owns
// neither.
class Doorbell {
public:
    Doorbell() noexcept = default;
    [[nodiscard]] static Doorbell at_register(support::MmioWindow window, NotifyWord word) noexcept {
        Doorbell doorbell;
        doorbell.kind_ = Kind::mapped;
        doorbell.window_ = window;
        doorbell.word_ = word;
        return doorbell;
    }
    // I/O ports: `offset` from the file's start.
    [[nodiscard]] static Doorbell at_file(int fd, std::uint64_t offset, NotifyWord word) noexcept {
        Doorbell doorbell;
        doorbell.kind_ = Kind::file;
        doorbell.fd_ = fd;
        doorbell.offset_ = offset;
        doorbell.word_ = word;
        return doorbell;
    }
    [[nodiscard]] static Doorbell at_eventfd(int fd) noexcept {
        Doorbell doorbell;
        doorbell.kind_ = Kind::eventfd;
        doorbell.fd_ = fd;
        return doorbell;
    }

    // `position`: the ring's own, where its next buffer will be.
    void ring(std::uint16_t position) const noexcept;

private:
    enum class Kind : std::uint8_t { none, mapped, file, eventfd };

    support::MmioWindow window_;
    std::uint64_t offset_ = 0;
    int fd_ = -1;
    NotifyWord word_;
    Kind kind_ = Kind::none;
};

}  // namespace vmq::virtio
