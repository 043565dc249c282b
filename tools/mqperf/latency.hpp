// A histogram of times: constant memory, an error of at most one part in 64.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstdint>

namespace vmq::mqperf {

class Latency {
public:
    using Time = std::chrono::nanoseconds;

    void add(Time time) noexcept;
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    // The time that `percent` of all do not exceed, rounded up to its step; 0 without any.
    [[nodiscard]] Time percentile(double percent) const noexcept;
    [[nodiscard]] Time max() const noexcept { return Time{static_cast<Time::rep>(max_)}; }

private:
    static constexpr unsigned step_bits = 6;  // 64 steps for each power of two
    static constexpr std::size_t steps = std::size_t{1} << step_bits;

    static std::size_t slot(std::uint64_t value) noexcept;
    static std::uint64_t last_of(std::size_t slot) noexcept;

    std::array<std::uint64_t, (65 - step_bits) * steps> slots_{};
    std::uint64_t count_ = 0;
    std::uint64_t max_ = 0;
};

}  // namespace vmq::mqperf
