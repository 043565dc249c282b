// Bytes that lie in several pieces.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

namespace vmq::software {

using Pieces = std::vector<std::span<std::byte>>;

[[nodiscard]] inline std::size_t size_of(const Pieces& pieces) noexcept {
    std::size_t size = 0;
    for (const auto& piece : pieces) size += piece.size();
    return size;
}

// As much of `bytes` as fits.
inline void scatter(std::span<const std::byte> bytes, const Pieces& pieces) noexcept {
    for (const auto& piece : pieces) {
        const std::size_t count = std::min(bytes.size(), piece.size());
        if (count == 0) continue;
        std::memcpy(piece.data(), bytes.data(), count);
        bytes = bytes.subspan(count);
    }
}

[[nodiscard]] inline std::vector<std::byte> gather(const Pieces& pieces) {
    std::vector<std::byte> bytes;
    for (const auto& piece : pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
    return bytes;
}

}  // namespace vmq::software
