// Numbers from the command line, read strictly: the whole word, no sign, inside its range.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace vmq::tools {

// `what` is named in the UsageError beside the bad word.
[[nodiscard]] std::uint64_t parse_number(std::string_view word, std::string_view what, std::uint64_t least,
                                         std::uint64_t most);

// Seconds, with decimals, greater than zero.
[[nodiscard]] std::chrono::nanoseconds parse_seconds(std::string_view word, std::string_view what);

}  // namespace vmq::tools
