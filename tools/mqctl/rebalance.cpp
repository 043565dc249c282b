// Moving flows from busy pairs to idle ones.
#include "tools/mqctl/rebalance.hpp"

#include <algorithm>
#include <numeric>

namespace vmq::mqctl {
namespace {

double mean(const std::vector<double>& loads) {
    return std::accumulate(loads.begin(), loads.end(), 0.0) / static_cast<double>(loads.size());
}

// False: there is nothing to be gained.
bool move_one(std::vector<std::uint16_t>& table, std::vector<double>& loads) {
    const auto busiest = std::max_element(loads.begin(), loads.end());
    const auto idlest = std::min_element(loads.begin(), loads.end());
    if (*busiest <= mean(loads) * (1 + balance_bound)) return false;
    const auto from = static_cast<std::uint16_t>(busiest - loads.begin());
    const auto entries = std::count(table.begin(), table.end(), from);
    if (entries < 2) return false;
    const double moved = *busiest / static_cast<double>(entries);
    if (*idlest + moved >= *busiest) return false;
    *std::find(table.begin(), table.end(), from) = static_cast<std::uint16_t>(idlest - loads.begin());
    *busiest -= moved;
    *idlest += moved;
    return true;
}

}  // namespace

std::vector<std::uint16_t> rebalanced(std::vector<std::uint16_t> table, const std::vector<std::uint64_t>& packets,
                                      unsigned moves) {
    std::vector<double> loads(packets.begin(), packets.end());
    if (loads.empty()) return table;
    while (moves > 0 && move_one(table, loads)) --moves;
    return table;
}

}  // namespace vmq::mqctl
