// Spreads packets evenly over time; what could not be sent in time is caught up with, but no more than 10 ms of it.
#pragma once

#include <chrono>
#include <cstddef>

namespace vmq::mqperf {

class Pacer {
public:
    using Clock = std::chrono::steady_clock;

    explicit Pacer(Clock::time_point start) noexcept : last_(start) {}

    // Packets that may leave now at `per_second`, at most `most`.
    [[nodiscard]] std::size_t due(Clock::time_point now, double per_second, std::size_t most) noexcept;
    void sent(std::size_t packets) noexcept { credit_ -= static_cast<double>(packets); }
    // How long until the next one is due.
    [[nodiscard]] std::chrono::nanoseconds pause(double per_second) const noexcept;

private:
    Clock::time_point last_;
    double credit_ = 0;  // packets
};

}  // namespace vmq::mqperf
