// One's complement sums.
#include "tools/mqperf/checksum.hpp"

namespace vmq::mqperf {
namespace {

std::uint32_t fold(std::uint32_t sum) noexcept {
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

}  // namespace

std::uint32_t checksum_add(ConstBytes bytes, std::uint32_t sum) noexcept {
    for (; bytes.size() >= 2; bytes = bytes.subspan(2)) sum = fold(sum + load16(bytes, 0));
    if (!bytes.empty()) sum = fold(sum + (std::uint32_t{load8(bytes, 0)} << 8));
    return sum;
}

std::uint16_t checksum_finish(std::uint32_t sum) noexcept { return static_cast<std::uint16_t>(~fold(sum)); }

std::uint16_t checksum_update(std::uint16_t checksum, std::uint16_t before, std::uint16_t after) noexcept {
    const auto inverted = [](std::uint16_t word) { return static_cast<std::uint16_t>(~word); };
    return checksum_finish(std::uint32_t{inverted(checksum)} + inverted(before) + after);
}

}  // namespace vmq::mqperf
