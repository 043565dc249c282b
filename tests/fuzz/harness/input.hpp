// A fuzzer's input, taken apart piece by piece: whatever it is, it means something, and behind its end all is 0.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace vmq::fuzz {

class Input {
public:
    explicit Input(std::span<const std::byte> bytes) noexcept : rest_(bytes) {}

    [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }

    template <typename T>
    [[nodiscard]] T number() noexcept {
        T value{};
        const auto some = bytes(sizeof value);
        if (!some.empty()) std::memcpy(&value, some.data(), some.size());
        return value;
    }
    [[nodiscard]] std::uint8_t u8() noexcept { return number<std::uint8_t>(); }
    [[nodiscard]] std::uint16_t u16() noexcept { return number<std::uint16_t>(); }
    [[nodiscard]] std::uint32_t u32() noexcept { return number<std::uint32_t>(); }
    [[nodiscard]] std::uint64_t u64() noexcept { return number<std::uint64_t>(); }

    // One byte of input, less than `end`, which is 1 to 256.
    [[nodiscard]] std::uint8_t below(unsigned end) noexcept { return static_cast<std::uint8_t>(u8() % end); }

    // Fewer where the input ends.
    [[nodiscard]] std::span<const std::byte> bytes(std::size_t count) noexcept {
        const auto some = rest_.first(std::min(count, rest_.size()));
        rest_ = rest_.subspan(some.size());
        return some;
    }
    [[nodiscard]] std::span<const std::byte> rest() noexcept { return bytes(rest_.size()); }
    // A stretch that tells its length, in one byte.
    [[nodiscard]] std::span<const std::byte> stretch() noexcept { return bytes(u8()); }

private:
    std::span<const std::byte> rest_;
};

[[nodiscard]] inline std::string_view as_text(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace vmq::fuzz
