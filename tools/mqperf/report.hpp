// mqperf's output: the line of a second and the summary.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <vmq/info.hpp>
#include <vmq/stats.hpp>

#include "tools/common/json.hpp"
#include "tools/mqperf/latency.hpp"
#include "tools/mqperf/soak.hpp"

namespace vmq::mqperf {

struct Result {
    std::string job;
    Info info;
    Stats stats;
    double seconds = 0;
    struct RoundTrips {
        std::uint64_t sent = 0;
        Latency times;
    };
    std::optional<RoundTrips> round_trips;  // of ping
    std::optional<SoakReport> soak;
};

// "rx 1200 packets/s 0.6 Mbit/s  tx 1200 packets/s 0.6 Mbit/s  drops 0  pairs 2/4" for `counts` within `seconds`.
[[nodiscard]] std::string progress_line(const PairStats& counts, double seconds, unsigned pairs, unsigned max_pairs);
[[nodiscard]] std::string summary_text(const Result& result);
[[nodiscard]] tools::Json summary_json(const Result& result);

}  // namespace vmq::mqperf
