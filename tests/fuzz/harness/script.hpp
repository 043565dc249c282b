// The writing of an input: what Input reads, in the same order.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace vmq::fuzz {

class Script {
public:
    template <std::integral T>
    Script& add(T value) {
        return add_bytes(std::as_bytes(std::span{&value, 1}));
    }
    Script& u8(unsigned value) { return add(static_cast<std::uint8_t>(value)); }
    Script& u16(unsigned value) { return add(static_cast<std::uint16_t>(value)); }
    Script& u32(std::uint32_t value) { return add(value); }
    Script& add_bytes(std::span<const std::byte> bytes) {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        return *this;
    }
    Script& text(std::string_view text) { return add_bytes(std::as_bytes(std::span{text})); }

    [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

private:
    std::vector<std::byte> bytes_;
};

}  // namespace vmq::fuzz
