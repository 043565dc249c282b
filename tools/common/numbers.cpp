// Strict reading of numbers.
#include "tools/common/numbers.hpp"

#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/core.h>

#include "tools/common/failure.hpp"

namespace vmq::tools {
namespace {

template <typename Number>
std::optional<Number> read(std::string_view word) {
    Number value{};
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
    return value;
}

}  // namespace

std::uint64_t parse_number(std::string_view word, std::string_view what, std::uint64_t least, std::uint64_t most) {
    const auto value = read<std::uint64_t>(word);
    if (!value) throw UsageError{fmt::format("'{}' is not a number, for {}", word, what)};
    if (*value < least || *value > most) {
        throw UsageError{fmt::format("{} is out of range for {}: {} to {}", word, what, least, most)};
    }
    return *value;
}

std::chrono::nanoseconds parse_seconds(std::string_view word, std::string_view what) {
    constexpr double longest = 1e9;  // some thirty years; more would not fit in nanoseconds
    const auto value = read<double>(word);
    if (!value || !(*value > 0) || *value > longest) {
        throw UsageError{fmt::format("'{}' is not a number of seconds, for {}", word, what)};
    }
    return std::chrono::nanoseconds{std::llround(*value * 1e9)};
}

}  // namespace vmq::tools
