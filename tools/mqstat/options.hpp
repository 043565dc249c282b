// mqstat's command line: [DEV] [INTERVAL [COUNT]].
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vmq::mqstat {

struct When {
    std::optional<std::string> device;
    std::optional<std::chrono::nanoseconds> interval;
    std::uint64_t count = 1;  // tables, the first included; 0: until ^C
};

// A first word that starts like a number and names no PCI address is the interval. Throws tools::UsageError.
[[nodiscard]] When parse_words(const std::vector<std::string>& words);

}  // namespace vmq::mqstat
