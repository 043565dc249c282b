// The counters of a pair by name: for sums, differences and JSON.
#pragma once

#include <array>
#include <cstdint>

#include <vmq/stats.hpp>

namespace vmq::tools {

struct Counter {
    const char* name;
    std::uint64_t PairStats::*value;
};

inline constexpr std::array counters{
    Counter{"rx_packets", &PairStats::rx_packets},
    Counter{"rx_bytes", &PairStats::rx_bytes},
    Counter{"rx_drops_oversized", &PairStats::rx_drops_oversized},
    Counter{"rx_drops_short", &PairStats::rx_drops_short},
    Counter{"rx_drops_bad_header", &PairStats::rx_drops_bad_header},
    Counter{"rx_lost", &PairStats::rx_lost},
    Counter{"rx_refill_failures", &PairStats::rx_refill_failures},
    Counter{"rx_interrupts", &PairStats::rx_interrupts},
    Counter{"rx_notifies", &PairStats::rx_notifies},
    Counter{"rx_handed_off", &PairStats::rx_handed_off},
    Counter{"rx_taken_in", &PairStats::rx_taken_in},
    Counter{"rx_faults", &PairStats::rx_faults},
    Counter{"tx_packets", &PairStats::tx_packets},
    Counter{"tx_bytes", &PairStats::tx_bytes},
    Counter{"tx_attached_bytes", &PairStats::tx_attached_bytes},
    Counter{"tx_software_checksums", &PairStats::tx_software_checksums},
    Counter{"tx_software_segments", &PairStats::tx_software_segments},
    Counter{"tx_relayed", &PairStats::tx_relayed},
    Counter{"tx_lost", &PairStats::tx_lost},
    Counter{"tx_completed", &PairStats::tx_completed},
    Counter{"tx_rejected", &PairStats::tx_rejected},
    Counter{"tx_ring_full", &PairStats::tx_ring_full},
    Counter{"tx_interrupts", &PairStats::tx_interrupts},
    Counter{"tx_notifies", &PairStats::tx_notifies},
    Counter{"tx_faults", &PairStats::tx_faults},
    Counter{"wakeups", &PairStats::wakeups},
};

// The sum of all pairs; its number and state mean nothing.
[[nodiscard]] PairStats sum(const Stats& stats);

// What was counted between two snapshots, with the later one's states. A pair that `earlier` lacks counts from 0.
[[nodiscard]] Stats difference(const Stats& later, const Stats& earlier);
[[nodiscard]] InterruptTable difference(const InterruptTable& later, const InterruptTable& earlier);

}  // namespace vmq::tools
