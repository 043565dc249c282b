// A token bucket.
#include "tools/mqperf/pacer.hpp"

#include <algorithm>
#include <cmath>

namespace vmq::mqperf {

std::size_t Pacer::due(Clock::time_point now, double per_second, std::size_t most) noexcept {
    const double passed = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    const double limit = std::max(1.0, per_second * 0.01);
    credit_ = std::min(credit_ + passed * per_second, limit);
    return std::min(static_cast<std::size_t>(std::max(credit_, 0.0)), most);
}

std::chrono::nanoseconds Pacer::pause(double per_second) const noexcept {
    const double seconds = std::max(0.0, 1 - credit_) / per_second;
    return std::chrono::nanoseconds{
        static_cast<std::chrono::nanoseconds::rep>(std::ceil(std::min(seconds, 1.0) * 1e9))};
}

}  // namespace vmq::mqperf
