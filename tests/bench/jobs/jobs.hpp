// The jobs, each as the loop of one pair's thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include <vmq/queue_pair.hpp>

#include "tests/bench/jobs/options.hpp"

namespace vmq::bench {

// When a job ends: after so many packets, or when the main thread says so.
struct Limit {
    std::uint64_t packets = UINT64_MAX;  // of one pair
    std::atomic<bool> stop{false};

    [[nodiscard]] std::uint64_t left(std::uint64_t done) const noexcept {
        return stop.load(std::memory_order_relaxed) ? 0 : packets - done;
    }
};

// A pair and what it keeps from one round to the next.
struct Lane {
    QueuePair pair;
    Batch batch;
    std::uint64_t ping_number = 0;
};

// Return the number of packets.
std::uint64_t send(Lane& lane, const JobOptions& options, const Limit& limit) noexcept;
std::uint64_t receive(Lane& lane, const JobOptions& options, const Limit& limit) noexcept;
std::uint64_t forward(Lane& lane, const JobOptions& options, const Limit& limit) noexcept;
// One packet out and one back at a time; appends the round trips in nanoseconds.
std::uint64_t ping(Lane& lane, const JobOptions& options, const Limit& limit, std::vector<std::uint32_t>& round_trips);

}  // namespace vmq::bench
