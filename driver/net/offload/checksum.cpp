// The internet checksum. RFC 1071.
#include "driver/net/offload/checksum.hpp"

#include <bit>
#include <cstring>

namespace vmq::net::offload {

namespace {

std::uint16_t folded(std::uint64_t sum) noexcept {
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

std::uint16_t swapped(std::uint16_t word) noexcept { return static_cast<std::uint16_t>(word << 8 | word >> 8); }

// Of words as they lie in memory: the order of bytes does not matter until the end (RFC 1071, 2 (B)).
std::uint16_t sum_in_memory_order(std::span<const std::byte> bytes) noexcept {
    std::uint64_t sum = 0;
    const auto add = [&]<typename Word>(Word word) {
        std::memcpy(&word, bytes.data(), sizeof word);
        sum += word;
        bytes = bytes.subspan(sizeof word);
    };
    while (bytes.size() >= 4) add(std::uint32_t{});
    if (bytes.size() >= 2) add(std::uint16_t{});
    std::uint16_t last = 0;
    if (!bytes.empty()) std::memcpy(&last, bytes.data(), 1);  // with a zero byte behind it
    return folded(sum + last);
}

}  // namespace

void OnesSum::add(std::span<const std::byte> bytes) noexcept {
    std::uint16_t piece = sum_in_memory_order(bytes);
    if constexpr (std::endian::native == std::endian::little) piece = swapped(piece);
    sum_ += odd_ ? swapped(piece) : piece;
    odd_ ^= bytes.size() % 2 != 0;
}

std::uint16_t OnesSum::value() const noexcept { return folded(sum_); }

}  // namespace vmq::net::offload
