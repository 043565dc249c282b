// The internet checksum. RFC 1071.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vmq::net::offload {

// The ones' complement sum of 16-bit words in network order, added up piece by piece: a piece goes on where the last
// one ended, be that in the middle of a word.
class OnesSum {
public:
    void add(std::span<const std::byte> bytes) noexcept;
    void add_word(std::uint16_t word) noexcept { sum_ += word; }  // at an even place, before any odd piece

    [[nodiscard]] std::uint16_t value() const noexcept;
    // What goes into a checksum field: never 0, which means "none" to UDP and is the same to all others (RFC 768).
    [[nodiscard]] std::uint16_t checksum() const noexcept {
        const auto complement = static_cast<std::uint16_t>(~value());
        return complement == 0 ? std::uint16_t{0xffff} : complement;
    }

private:
    std::uint64_t sum_ = 0;  // of words as numbers; folded by value()
    bool odd_ = false;       // so far an odd number of bytes
};

}  // namespace vmq::net::offload
