// Device registers as typed values, read and written through a window. The only file with `volatile`.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "driver/support/endian.hpp"

namespace vmq::support {

enum class Access { ro, wo, rw };

template <typename T, Access access>
struct Reg {
    std::uint32_t offset;
};

// A bounded piece of a mapped BAR. The caller guarantees that the mapping outlives the window.
class MmioWindow {
public:
    MmioWindow() noexcept = default;
    MmioWindow(std::byte* base, std::size_t size) noexcept : base_(base), size_(size) {}

    [[nodiscard]] std::byte* base() const noexcept { return base_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    template <typename T, Access access>
    [[nodiscard]] T read(Reg<T, access> reg) const noexcept {
        static_assert(access != Access::wo);
        return load<T>(reg.offset);
    }

    template <typename T, Access access>
    void write(Reg<T, access> reg, T value) const noexcept {
        static_assert(access != Access::ro);
        store<T>(reg.offset, value);
    }

    // 64-bit fields take two 32-bit accesses, low half first. VIRTIO 1.3, 4.1.3.1.
    template <typename T>
    [[nodiscard]] T load(std::size_t offset) const noexcept {
        if constexpr (sizeof(T) == 8) {
            const auto low = load<std::uint32_t>(offset);
            return static_cast<T>(load<std::uint32_t>(offset + 4)) << 32 | low;
        } else {
            return swap_if_big_endian(*reinterpret_cast<const volatile T*>(base_ + offset));
        }
    }

    template <typename T>
    void store(std::size_t offset, T value) const noexcept {
        if constexpr (sizeof(T) == 8) {
            store<std::uint32_t>(offset, static_cast<std::uint32_t>(value));
            store<std::uint32_t>(offset + 4, static_cast<std::uint32_t>(value >> 32));
        } else {
            *reinterpret_cast<volatile T*>(base_ + offset) = swap_if_big_endian(value);
        }
    }

private:
    std::byte* base_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace vmq::support
