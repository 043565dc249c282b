// How unevenly packets arrive on the pairs in use.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include <vmq/stats.hpp>

namespace vmq::tools {

// What each active pair received.
[[nodiscard]] inline std::vector<std::uint64_t> received_by_pair(const Stats& stats) {
    std::vector<std::uint64_t> packets;
    for (const PairStats& pair : stats.pairs)
        if (pair.state == PairState::active) packets.push_back(pair.rx_packets);
    return packets;
}

// Packets of the busiest pair as a multiple of the mean; 1 when there are none.
[[nodiscard]] inline double skew(const std::vector<std::uint64_t>& packets) {
    const std::uint64_t sum = std::accumulate(packets.begin(), packets.end(), std::uint64_t{0});
    if (sum == 0) return 1;
    return static_cast<double>(*std::max_element(packets.begin(), packets.end())) *
           static_cast<double>(packets.size()) / static_cast<double>(sum);
}

}  // namespace vmq::tools
