// The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
#pragma once

#include <cstdint>

#include "tools/mqperf/wire.hpp"

namespace vmq::mqperf {

// Sum of big-endian 16-bit words, an odd last byte padded; `sum` carries on from an earlier one of even length.
[[nodiscard]] std::uint32_t checksum_add(ConstBytes bytes, std::uint32_t sum = 0) noexcept;
[[nodiscard]] std::uint16_t checksum_finish(std::uint32_t sum) noexcept;

// The checksum after one word it covers has changed.
[[nodiscard]] std::uint16_t checksum_update(std::uint16_t checksum, std::uint16_t before, std::uint16_t after) noexcept;

}  // namespace vmq::mqperf
