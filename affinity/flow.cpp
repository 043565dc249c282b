// The flow of a received frame. Every offset is checked: the frame is a stranger's.
#include <vmq/steering.hpp>

namespace vmq::steering {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t ethernet_addresses = 12;
constexpr std::uint16_t type_ipv4 = 0x0800;
constexpr std::uint16_t type_ipv6 = 0x86dd;
constexpr std::uint16_t type_service_tag = 0x88a8;   // 802.1ad
constexpr std::uint16_t type_customer_tag = 0x8100;  // 802.1Q
constexpr std::size_t tag_size = 4;

constexpr std::uint8_t protocol_tcp = 6;
constexpr std::uint8_t protocol_udp = 17;
constexpr std::size_t tcp_header = 20;
constexpr std::size_t udp_header = 8;

constexpr std::size_t ipv4_header = 20;
constexpr std::uint16_t ipv4_fragment = 0x3fff;  // more fragments follow, or an offset

constexpr std::size_t ipv6_header = 40;
constexpr std::uint8_t hop_by_hop = 0;
constexpr std::uint8_t routing = 43;
constexpr std::uint8_t destination_options = 60;

std::uint8_t byte_at(Bytes bytes, std::size_t offset) { return std::to_integer<std::uint8_t>(bytes[offset]); }

std::uint16_t word_at(Bytes bytes, std::size_t offset) {
    return static_cast<std::uint16_t>(byte_at(bytes, offset) << 8 | byte_at(bytes, offset + 1));
}

template <std::size_t size>
std::array<std::uint8_t, size> array_at(Bytes bytes, std::size_t offset) {
    std::array<std::uint8_t, size> copy;
    for (std::size_t i = 0; i < size; ++i) copy[i] = byte_at(bytes, offset + i);
    return copy;
}

Address v4_at(Bytes bytes, std::size_t offset) { return Address::v4(array_at<4>(bytes, offset)); }
Address v6_at(Bytes bytes, std::size_t offset) { return Address::v6(array_at<16>(bytes, offset)); }

// Devices take a packet with half a TCP or UDP header for one without ports.
void read_ports(Flow& flow, std::uint8_t protocol, Bytes segment) {
    if (protocol == protocol_tcp && segment.size() >= tcp_header) {
        flow.protocol = Protocol::tcp;
    } else if (protocol == protocol_udp && segment.size() >= udp_header) {
        flow.protocol = Protocol::udp;
    } else {
        return;
    }
    flow.source_port = word_at(segment, 0);
    flow.destination_port = word_at(segment, 2);
}

std::optional<Flow> ipv4_flow(Bytes packet) {
    if (packet.size() < ipv4_header || byte_at(packet, 0) >> 4 != 4) return std::nullopt;
    const std::size_t header = (byte_at(packet, 0) & 0xfu) * 4;
    if (header < ipv4_header) return std::nullopt;
    Flow flow{.source = v4_at(packet, 12), .destination = v4_at(packet, 16)};
    const bool whole = (word_at(packet, 6) & ipv4_fragment) == 0;
    if (whole && header <= packet.size()) read_ports(flow, byte_at(packet, 9), packet.subspan(header));
    return flow;
}

// From a destination options header: RFC 6275, 6.3.
std::optional<Address> home_address(Bytes header) {
    constexpr std::uint8_t pad1 = 0;
    constexpr std::uint8_t home = 0xc9;
    for (std::size_t at = 2; at + 2 <= header.size();) {
        const std::uint8_t type = byte_at(header, at);
        if (type == pad1) {
            ++at;
            continue;
        }
        const std::size_t value = at + 2;
        at = value + byte_at(header, at + 1);
        if (at > header.size()) return std::nullopt;
        if (type == home && at - value == 16) return v6_at(header, value);
    }
    return std::nullopt;
}

// From a routing header: RFC 6275, 6.4.
std::optional<Address> routing_address(Bytes header) {
    const bool type_2 = header.size() == 24 && byte_at(header, 2) == 2 && byte_at(header, 3) == 1;
    return type_2 ? std::optional(v6_at(header, 8)) : std::nullopt;
}

std::optional<Flow> ipv6_flow(Bytes packet) {
    if (packet.size() < ipv6_header || byte_at(packet, 0) >> 4 != 6) return std::nullopt;
    Flow flow{.source = v6_at(packet, 8), .destination = v6_at(packet, 24)};
    std::uint8_t next = byte_at(packet, 6);
    Bytes rest = packet.subspan(ipv6_header);
    while (next == hop_by_hop || next == routing || next == destination_options) {
        if (rest.size() < 2) return flow;
        const std::size_t size = 8 * (byte_at(rest, 1) + std::size_t{1});
        if (rest.size() < size) return flow;
        const Bytes header = rest.first(size);
        if (next == destination_options && !flow.home_address) flow.home_address = home_address(header);
        if (next == routing && !flow.routing_address) flow.routing_address = routing_address(header);
        next = byte_at(header, 0);
        rest = rest.subspan(size);
    }
    read_ports(flow, next, rest);  // a fragment header ends the way too: devices see no ports behind it
    return flow;
}

}  // namespace

std::optional<Flow> flow_of(std::span<const std::byte> frame) noexcept {
    std::size_t at = ethernet_addresses;
    for (const std::uint16_t tag : {type_service_tag, type_customer_tag})
        if (frame.size() >= at + tag_size && word_at(frame, at) == tag) at += tag_size;
    if (frame.size() < at + 2) return std::nullopt;
    const std::uint16_t type = word_at(frame, at);
    if (type == type_ipv4) return ipv4_flow(frame.subspan(at + 2));
    if (type == type_ipv6) return ipv6_flow(frame.subspan(at + 2));
    return std::nullopt;
}

}  // namespace vmq::steering
