// Little-endian integers as they lie in device memory, with explicit conversion. VIRTIO 1.3, 1.4.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>

namespace vmq::support {

template <std::unsigned_integral T>
constexpr T swap_if_big_endian(T value) noexcept {
    if constexpr (std::endian::native == std::endian::little || sizeof(T) == 1) {
        return value;
    } else {
        T swapped = 0;
        for (unsigned i = 0; i < sizeof(T); ++i) swapped = static_cast<T>(swapped << 8 | ((value >> (8 * i)) & 0xff));
        return swapped;
    }
}

template <std::unsigned_integral T>
class LittleEndian {
public:
    constexpr LittleEndian() noexcept = default;
    constexpr explicit LittleEndian(T value) noexcept : raw_(swap_if_big_endian(value)) {}
    constexpr LittleEndian& operator=(T value) noexcept {
        raw_ = swap_if_big_endian(value);
        return *this;
    }
    [[nodiscard]] constexpr T value() const noexcept { return swap_if_big_endian(raw_); }

    // The stored representation, for the atomic helpers of barriers.hpp.
    [[nodiscard]] T& raw() noexcept { return raw_; }
    [[nodiscard]] const T& raw() const noexcept { return raw_; }

private:
    T raw_{};
};

using le16 = LittleEndian<std::uint16_t>;
using le32 = LittleEndian<std::uint32_t>;
using le64 = LittleEndian<std::uint64_t>;

}  // namespace vmq::support
