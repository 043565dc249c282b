// Building the packets that mqperf sends, and reading the answers.
#pragma once

#include <cstdint>
#include <optional>

#include "tools/mqperf/wire.hpp"

namespace vmq::mqperf {

struct Endpoint {
    MacAddress mac{};
    Ipv4Address address;
    std::uint16_t port = 0;  // UDP only
};

inline constexpr std::size_t arp_frame_size = arp::end;
inline constexpr std::size_t smallest_ip_frame =
    ethernet::size + ipv4::smallest_header + udp::size;  // with ICMP echo, too

// Fill the whole frame, checksums included. `frame` has arp_frame_size, or at least smallest_ip_frame bytes.
void build_arp_request(Bytes frame, const Endpoint& from, Ipv4Address wanted) noexcept;
void build_udp(Bytes frame, const Endpoint& from, const Endpoint& to) noexcept;
void build_echo_request(Bytes frame, const Endpoint& from, const Endpoint& to, std::uint16_t identifier,
                        std::uint16_t sequence) noexcept;

// Where the first byte behind the IPv4 header is, if `head` begins an IPv4 packet that is no fragment and whose lengths
// fit in a frame of `total` bytes; 8 bytes of the next header are in `head` then.
[[nodiscard]] std::optional<std::size_t> ipv4_payload(ConstBytes head, std::size_t total) noexcept;

// The MAC address of `wanted`, if the frame says it.
[[nodiscard]] std::optional<MacAddress> read_arp_reply(ConstBytes frame, Ipv4Address wanted) noexcept;
// The sequence number, if the frame answers an echo request of `identifier` from `me`.
[[nodiscard]] std::optional<std::uint16_t> read_echo_reply(ConstBytes head, std::size_t total, Ipv4Address me,
                                                           std::uint16_t identifier) noexcept;

}  // namespace vmq::mqperf
