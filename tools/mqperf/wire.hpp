// Big-endian fields and the layouts of Ethernet, ARP, IPv4, ICMP echo and UDP (RFC 826, 791, 792, 768).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <vmq/info.hpp>

namespace vmq::mqperf {

using Bytes = std::span<std::byte>;
using ConstBytes = std::span<const std::byte>;

struct Ipv4Address {
    std::uint32_t value = 0;  // the first number of the dotted form in the highest bits
    bool operator==(const Ipv4Address&) const = default;
};

[[nodiscard]] std::optional<Ipv4Address> parse_ipv4(std::string_view text);
[[nodiscard]] std::optional<MacAddress> parse_mac(std::string_view text);

inline constexpr MacAddress broadcast_mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

namespace ethernet {
inline constexpr std::size_t destination = 0;
inline constexpr std::size_t source = 6;
inline constexpr std::size_t type = 12;
inline constexpr std::size_t size = 14;
inline constexpr std::uint16_t type_ipv4 = 0x0800;
inline constexpr std::uint16_t type_arp = 0x0806;
}  // namespace ethernet

// Offsets from the frame's first byte.
namespace arp {
inline constexpr std::size_t hardware_type =
    ethernet::size;  // with protocol type and both lengths: 8 bytes before the operation
inline constexpr std::size_t operation = ethernet::size + 6;
inline constexpr std::size_t sender_mac = ethernet::size + 8;
inline constexpr std::size_t sender_address = ethernet::size + 14;
inline constexpr std::size_t target_mac = ethernet::size + 18;
inline constexpr std::size_t target_address = ethernet::size + 24;
inline constexpr std::size_t end = ethernet::size + 28;
inline constexpr std::uint64_t ethernet_ipv4 = 0x0001'0800'0604;  // hardware type, protocol type, lengths
inline constexpr std::uint16_t request = 1;
inline constexpr std::uint16_t reply = 2;
}  // namespace arp

namespace ipv4 {
inline constexpr std::size_t version_length = ethernet::size;
inline constexpr std::size_t total_length = ethernet::size + 2;
inline constexpr std::size_t fragment = ethernet::size + 6;
inline constexpr std::size_t time_to_live = ethernet::size + 8;
inline constexpr std::size_t protocol = ethernet::size + 9;
inline constexpr std::size_t checksum = ethernet::size + 10;
inline constexpr std::size_t source = ethernet::size + 12;
inline constexpr std::size_t destination = ethernet::size + 16;
inline constexpr std::size_t smallest_header = 20;
inline constexpr std::uint16_t dont_fragment = 0x4000;
inline constexpr std::uint16_t is_fragment = 0x3fff;  // "more fragments" or an offset
inline constexpr std::uint8_t icmp = 1;
inline constexpr std::uint8_t udp = 17;
}  // namespace ipv4

// Offsets from the first byte behind the IPv4 header.
namespace icmp {
inline constexpr std::size_t type_code = 0;
inline constexpr std::size_t checksum = 2;
inline constexpr std::size_t identifier = 4;
inline constexpr std::size_t sequence = 6;
inline constexpr std::size_t size = 8;
inline constexpr std::uint16_t echo_request = 0x0800;  // type 8, code 0
inline constexpr std::uint16_t echo_reply = 0x0000;
}  // namespace icmp

namespace udp {
inline constexpr std::size_t source_port = 0;
inline constexpr std::size_t destination_port = 2;
inline constexpr std::size_t length = 4;
inline constexpr std::size_t checksum = 6;
inline constexpr std::size_t size = 8;
}  // namespace udp

[[nodiscard]] inline std::uint8_t load8(ConstBytes bytes, std::size_t at) noexcept {
    return std::to_integer<std::uint8_t>(bytes[at]);
}
[[nodiscard]] inline std::uint16_t load16(ConstBytes bytes, std::size_t at) noexcept {
    return static_cast<std::uint16_t>(load8(bytes, at) << 8 | load8(bytes, at + 1));
}
[[nodiscard]] inline std::uint32_t load32(ConstBytes bytes, std::size_t at) noexcept {
    return std::uint32_t{load16(bytes, at)} << 16 | load16(bytes, at + 2);
}
inline void store8(Bytes bytes, std::size_t at, std::uint8_t value) noexcept { bytes[at] = std::byte{value}; }
inline void store16(Bytes bytes, std::size_t at, std::uint16_t value) noexcept {
    store8(bytes, at, static_cast<std::uint8_t>(value >> 8));
    store8(bytes, at + 1, static_cast<std::uint8_t>(value));
}
inline void store32(Bytes bytes, std::size_t at, std::uint32_t value) noexcept {
    store16(bytes, at, static_cast<std::uint16_t>(value >> 16));
    store16(bytes, at + 2, static_cast<std::uint16_t>(value));
}

[[nodiscard]] inline Ipv4Address load_address(ConstBytes bytes, std::size_t at) noexcept { return {load32(bytes, at)}; }
[[nodiscard]] inline MacAddress load_mac(ConstBytes bytes, std::size_t at) noexcept {
    MacAddress mac;
    for (std::size_t i = 0; i < mac.size(); ++i) mac[i] = load8(bytes, at + i);
    return mac;
}
inline void store_mac(Bytes bytes, std::size_t at, const MacAddress& mac) noexcept {
    for (std::size_t i = 0; i < mac.size(); ++i) store8(bytes, at + i, mac[i]);
}

// Exchanges two fields of `size` bytes that do not overlap.
inline void swap_fields(Bytes bytes, std::size_t a, std::size_t b, std::size_t size) noexcept {
    std::swap_ranges(bytes.begin() + static_cast<std::ptrdiff_t>(a),
                     bytes.begin() + static_cast<std::ptrdiff_t>(a + size),
                     bytes.begin() + static_cast<std::ptrdiff_t>(b));
}
inline void swap_macs(Bytes frame) noexcept { swap_fields(frame, ethernet::destination, ethernet::source, 6); }

}  // namespace vmq::mqperf
