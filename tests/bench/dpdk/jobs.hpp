// The jobs, each as the loop of one pair's thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "tests/bench/dpdk/options.hpp"
#include "tests/bench/dpdk/port.hpp"

namespace bench {

// When a job ends: after so many packets, or when the main thread says so.
struct Limit {
    std::uint64_t packets = UINT64_MAX;
    std::atomic<bool> stop = false;

    [[nodiscard]] bool goes_on(std::uint64_t done) const noexcept {
        return done < packets && !stop.load(std::memory_order_relaxed);
    }
};

struct Outcome {
    std::uint64_t packets = 0;
    double seconds = 0;
    std::vector<std::uint32_t> round_trips;  // of ping, in nanoseconds
};

Outcome run_job(const Options& options, const Port& port, unsigned pair, const Limit& limit);

// One packet out and one back at a time; with Options::sleep the thread sleeps on DPDK's epoll in between.
std::uint64_t ping(const Options& options, const Port& port, unsigned pair, const Limit& limit,
                   std::vector<std::uint32_t>& round_trips);

}  // namespace bench
