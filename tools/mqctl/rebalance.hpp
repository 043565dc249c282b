// Moving flows from busy pairs to idle ones, for `mqctl rss auto`.
#pragma once

#include <cstdint>
#include <vector>

namespace vmq::mqctl {

// How far above the mean the busiest pair may be before anything is moved, and how much is moved at a time.
inline constexpr double balance_bound = 0.1;
inline constexpr unsigned moves_at_once = 8;

// The table with up to `moves` entries of the busiest pair given to the idlest, one after the other, each thought to
// carry its pair's mean. `packets` are those of each pair in use. Unchanged: within the bound, or nothing to be gained.
[[nodiscard]] std::vector<std::uint16_t> rebalanced(std::vector<std::uint16_t> table,
                                                    const std::vector<std::uint64_t>& packets, unsigned moves);

}  // namespace vmq::mqctl
