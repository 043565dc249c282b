// What the backend is and does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/backend/misbehaviour.hpp"

namespace vmq::bench {

// What happens to packets. Only `forward` touches their bytes.
enum class Mode {
    drop,     // completes what is transmitted
    flood,    // completes receive buffers, as if a packet had been written into each
    forward,  // copies what is transmitted into receive buffers of the same pair
    both,     // drop and flood
};

struct BackendOptions {
    std::string socket;
    bool connect = false;        // to a frontend that listens
    unsigned pairs = 1;          // offered
    unsigned threads = 0;        // that the pairs are spread over; 0: one for each
    std::vector<unsigned> cpus;  // thread n runs on the CPU at n, around; empty: anywhere
    bool yield = false;          // gives the CPU away when there is nothing to do
    Mode mode = Mode::drop;
    unsigned size = 64;          // bytes of a packet that flood or the injection delivers
    unsigned burst = 32;         // most buffers that are taken at a time
    unsigned inject = 64;        // packets that forward puts into circulation when a pair starts
    std::uint64_t features = 0;  // offered

    std::optional<Misbehaviour> misbehaviour;  // of pair 0
};

// Everything that the backend can do.
[[nodiscard]] std::uint64_t all_features() noexcept;

}  // namespace vmq::bench
