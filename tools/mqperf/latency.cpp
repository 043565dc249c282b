// Slots: one for each value below 64, then 64 for each power of two.
#include "tools/mqperf/latency.hpp"

#include <algorithm>
#include <cmath>

namespace vmq::mqperf {

std::size_t Latency::slot(std::uint64_t value) noexcept {
    const auto width = static_cast<unsigned>(std::bit_width(value));
    if (width <= step_bits) return static_cast<std::size_t>(value);
    const unsigned shift = width - step_bits - 1;  // the highest bit is implied
    return (std::size_t{shift} + 1) * steps + static_cast<std::size_t>((value >> shift) - steps);
}

std::uint64_t Latency::last_of(std::size_t slot) noexcept {
    if (slot < steps) return slot;
    const std::size_t shift = slot / steps - 1;
    return ((slot % steps + steps + 1) << shift) - 1;
}

void Latency::add(Time time) noexcept {
    const auto value = static_cast<std::uint64_t>(std::max<Time::rep>(time.count(), 0));
    ++slots_[slot(value)];
    ++count_;
    max_ = std::max(max_, value);
}

Latency::Time Latency::percentile(double percent) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(static_cast<double>(count_) * percent / 100));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < slots_.size() && count_ != 0; ++i) {
        seen += slots_[i];
        if (seen >= wanted && seen != 0) return Time{static_cast<Time::rep>(std::min(last_of(i), max_))};
    }
    return Time{0};
}

}  // namespace vmq::mqperf
