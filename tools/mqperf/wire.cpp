// Addresses as people write them.
#include "tools/mqperf/wire.hpp"

#include <charconv>

namespace vmq::mqperf {
namespace {

// Reads `count` numbers of at most `digits` digits and 255, with `separator` between them; calls `store` for each.
template <typename Store>
bool read_bytes(std::string_view text, char separator, int base, std::size_t digits, std::size_t count, Store store) {
    for (std::size_t i = 0; i < count; ++i) {
        if (i != 0) {
            if (text.empty() || text.front() != separator) return false;
            text.remove_prefix(1);
        }
        std::uint8_t byte = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), byte, base);
        const auto length = static_cast<std::size_t>(end - text.data());
        if (error != std::errc{} || length > digits) return false;
        text.remove_prefix(length);
        store(i, byte);
    }
    return text.empty();
}

}  // namespace

std::optional<Ipv4Address> parse_ipv4(std::string_view text) {
    Ipv4Address address;
    const auto store = [&](std::size_t, std::uint8_t byte) { address.value = address.value << 8 | byte; };
    return read_bytes(text, '.', 10, 3, 4, store) ? std::optional{address} : std::nullopt;
}

std::optional<MacAddress> parse_mac(std::string_view text) {
    MacAddress mac{};
    const auto store = [&](std::size_t i, std::uint8_t byte) { mac[i] = byte; };
    return read_bytes(text, ':', 16, 2, 6, store) ? std::optional{mac} : std::nullopt;
}

}  // namespace vmq::mqperf
