// The Toeplitz hash: bit by bit, and from tables with a row for each byte of the input.
#include "affinity/toeplitz.hpp"

#include <algorithm>

#include <vmq/steering.hpp>

namespace vmq {
namespace {

constexpr std::size_t window_bytes = 5;  // a window of 32 bits, begun anywhere in a byte

// The bytes of the key from `first` on, as a number.
std::uint64_t five_bytes(std::span<const std::uint8_t> key, std::size_t first) noexcept {
    std::uint64_t bytes = 0;
    for (std::size_t i = first; i < first + window_bytes; ++i) bytes = bytes << 8 | (i < key.size() ? key[i] : 0u);
    return bytes;
}

// The last five bytes of `bytes`, from their bit number `bit` on.
std::uint32_t window(std::uint64_t bytes, std::size_t bit) noexcept {
    return static_cast<std::uint32_t>(bytes >> (8 - bit));
}

}  // namespace

std::uint32_t affinity::key_window(std::span<const std::uint8_t> key, std::size_t bit) noexcept {
    return window(five_bytes(key, bit / 8), bit % 8);
}

namespace steering {

std::uint32_t toeplitz(std::span<const std::uint8_t> key, std::span<const std::uint8_t> input) noexcept {
    std::uint32_t hash = 0;
    const std::size_t count = std::min(input.size(), key.size());  // the windows behind the key are 0
    std::uint64_t bytes = five_bytes(key, 0) >> 8;
    for (std::size_t i = 0; i < count; ++i) {
        bytes = bytes << 8 | (i + 4 < key.size() ? key[i + 4] : 0u);
        for (std::size_t bit = 0; bit < 8; ++bit) hash ^= window(bytes, bit) & (0u - (input[i] >> (7 - bit) & 1u));
    }
    return hash;
}

Toeplitz::Toeplitz(std::span<const std::uint8_t> key) : rows_(key.size()) {
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        auto& row = rows_[i];
        row[0] = 0;
        for (unsigned bit = 0; bit < 8; ++bit) {
            // Values whose highest set bit is this one: those below it, with its window added.
            const unsigned power = 1u << bit;
            const std::uint32_t added = affinity::key_window(key, 8 * i + 7 - bit);
            for (unsigned value = 0; value < power; ++value) row[power + value] = row[value] ^ added;
        }
    }
}

std::uint32_t Toeplitz::operator()(std::span<const std::uint8_t> input) const noexcept {
    std::uint32_t hash = 0;
    const std::size_t count = std::min(input.size(), rows_.size());
    for (std::size_t i = 0; i < count; ++i) hash ^= rows_[i][input[i]];
    return hash;
}

}  // namespace steering
}  // namespace vmq
