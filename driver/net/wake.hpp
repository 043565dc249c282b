// What a queue pair's thread sleeps on: its vectors' eventfds, which the control thread can signal too.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "driver/net/counter.hpp"
#include "driver/support/event_fd.hpp"

namespace vmq::net {

// Interrupts add one to an eventfd; the control thread adds `control_wake`, so that one read tells both apart.
inline constexpr std::uint64_t control_wake = std::uint64_t{1} << 32;

// An eventfd that a vector is connected to, and the sum of the interrupts read from it.
class VectorEvent {
public:
    [[nodiscard]] int fd() const noexcept { return event_.fd(); }
    void wake() const noexcept { event_.signal(control_wake); }
    // Reads the eventfd and counts its interrupts; returns their number. One thread at a time.
    std::uint64_t drain() noexcept {
        const std::uint64_t interrupts = event_.drain() % control_wake;
        read_.add(interrupts);
        return interrupts;
    }
    [[nodiscard]] std::uint64_t interrupts_read() const noexcept { return read_.value(); }
    // Including those nobody has read yet; looks at /proc, for the control thread.
    [[nodiscard]] std::uint64_t interrupts() const;

private:
    support::EventFd event_;
    Counter read_;
};

// How much of the wait for an event the device can take over.
enum class WaitMode {
    own_vectors,  // receiveq and transmitq interrupt on an eventfd each
    own_vector,   // one vector for both
    shared,       // the vector is another's, who wakes this pair
    polling,      // none: look from time to time
};

// One owner thread sleeps; any thread wakes it.
class Sleeper {
public:
    explicit Sleeper(WaitMode mode) : mode_(mode) {}  // throws std::system_error
    Sleeper(const Sleeper&) = delete;
    Sleeper& operator=(const Sleeper&) = delete;

    [[nodiscard]] WaitMode mode() const noexcept { return mode_; }
    [[nodiscard]] VectorEvent& receive_event() noexcept { return receive_; }
    [[nodiscard]] const VectorEvent& receive_event() const noexcept { return receive_; }
    [[nodiscard]] VectorEvent& transmit_event() noexcept { return transmit_; }
    [[nodiscard]] const VectorEvent& transmit_event() const noexcept { return transmit_; }
    void wake() const noexcept { receive_.wake(); }

    // Sleeps until an event or for `limit`; in polling mode for a short while at most, growing with `round`. True: an
    // interrupt or a wake-up ended it.
    bool sleep(std::chrono::nanoseconds limit, unsigned round) noexcept;
    // Takes what came meanwhile without sleeping.
    void drain() noexcept;

    // One descriptor for somebody else's event loop, -1 in polling mode. Made at the first call; throws
    // std::system_error.
    [[nodiscard]] int event_fd();

private:
    WaitMode mode_;
    VectorEvent receive_;
    VectorEvent transmit_;
    support::UniqueFd epoll_;
};

}  // namespace vmq::net
