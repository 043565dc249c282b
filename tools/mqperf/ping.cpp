// Bookkeeping of echo requests.
#include "tools/mqperf/ping.hpp"

namespace vmq::mqperf {

void Ping::begin(std::uint16_t sequence, Clock::time_point now) {
    const std::lock_guard lock{mutex_};
    expected_ = sequence;
    sent_at_ = now;
    ++sent_;
}

void Ping::answered(std::uint16_t sequence, Clock::time_point now) {
    const std::lock_guard lock{mutex_};
    if (expected_ != sequence) return;
    expected_.reset();
    round_trips_.add(now - sent_at_);
}

bool Ping::waiting() const {
    const std::lock_guard lock{mutex_};
    return expected_.has_value();
}

void Ping::resolved(const MacAddress& mac) {
    const std::lock_guard lock{mutex_};
    peer_ = mac;
}

std::optional<MacAddress> Ping::peer() const {
    const std::lock_guard lock{mutex_};
    return peer_;
}

std::uint64_t Ping::sent() const {
    const std::lock_guard lock{mutex_};
    return sent_;
}

Latency Ping::round_trips() const {
    const std::lock_guard lock{mutex_};
    return round_trips_;
}

}  // namespace vmq::mqperf
