// A Linux eventfd: how a vector's interrupts and the control thread's wake-ups reach a sleeping thread.
#include "driver/support/event_fd.hpp"

#include <sys/eventfd.h>

#include "driver/support/errors.hpp"

namespace vmq::support {

EventFd::EventFd() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!fd_) fail_errno("eventfd");
}

void EventFd::signal(std::uint64_t amount) const noexcept {
    // A full counter (EAGAIN) already wakes every reader, so the result needs no handling.
    [[maybe_unused]] const auto written = ::write(fd_.get(), &amount, sizeof amount);
}

std::uint64_t EventFd::drain() const noexcept {
    std::uint64_t sum = 0;
    return ::read(fd_.get(), &sum, sizeof sum) == sizeof sum ? sum : 0;
}

}  // namespace vmq::support
