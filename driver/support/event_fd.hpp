// A Linux eventfd: how a vector's interrupts and the control thread's wake-ups reach a sleeping thread.
#pragma once

#include <cstdint>

#include "driver/support/unique_fd.hpp"

namespace vmq::support {

class EventFd {
public:
    EventFd();  // non-blocking, close-on-exec; throws std::system_error

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    // Adds to the counter. Any thread; never blocks.
    void signal(std::uint64_t amount = 1) const noexcept;

    // Takes the counter's sum since the last drain, 0 when there was nothing. Any thread; never blocks.
    [[nodiscard]] std::uint64_t drain() const noexcept;

private:
    UniqueFd fd_;
};

}  // namespace vmq::support
