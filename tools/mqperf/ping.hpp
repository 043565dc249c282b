// One echo request at a time: sent by one thread, answered on whichever pair the answer arrives.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "tools/mqperf/latency.hpp"
#include "tools/mqperf/wire.hpp"

namespace vmq::mqperf {

// Any thread may make any call.
class Ping {
public:
    using Clock = std::chrono::steady_clock;

    // A request leaves; one that had no answer is forgotten.
    void begin(std::uint16_t sequence, Clock::time_point now);
    // An answer has come. A second one, or one that is too late, changes nothing.
    void answered(std::uint16_t sequence, Clock::time_point now);
    // True while the answer to the last request is missing.
    [[nodiscard]] bool waiting() const;

    void resolved(const MacAddress& mac);
    [[nodiscard]] std::optional<MacAddress> peer() const;

    [[nodiscard]] std::uint64_t sent() const;
    [[nodiscard]] Latency round_trips() const;

private:
    mutable std::mutex mutex_;
    std::optional<MacAddress> peer_;
    std::optional<std::uint16_t> expected_;
    Clock::time_point sent_at_;
    std::uint64_t sent_ = 0;
    Latency round_trips_;
};

}  // namespace vmq::mqperf
