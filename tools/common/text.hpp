// Words that more than one tool prints.
#pragma once

#include <string>
#include <string_view>

#include <vmq/stats.hpp>

namespace vmq::tools {

[[nodiscard]] std::string_view state_name(PairState state) noexcept;

// A number that -1 (or anything below 0) says is not there: "-".
[[nodiscard]] std::string or_dash(int number);
// "mqperf(1234)", "1234" without a name, "-" for process 0.
[[nodiscard]] std::string process_text(std::string_view name, int id);

}  // namespace vmq::tools
