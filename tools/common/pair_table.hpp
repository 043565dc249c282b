// The table of pairs that mqstat and mqperf print.
#pragma once

#include <string>

#include <vmq/info.hpp>
#include <vmq/stats.hpp>

#include "tools/common/json.hpp"

namespace vmq::tools {

// One row per pair and a last row of sums. `info` gives the vCPUs.
[[nodiscard]] std::string pair_table(const Info& info, const Stats& stats);
[[nodiscard]] Json pair_json(const Info& info, const Stats& stats);

}  // namespace vmq::tools
