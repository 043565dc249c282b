// Frames byte by byte.
#include "tools/mqperf/packets.hpp"

#include "tools/mqperf/checksum.hpp"

namespace vmq::mqperf {
namespace {

void store_ethernet(Bytes frame, const MacAddress& to, const MacAddress& from, std::uint16_t type) noexcept {
    store_mac(frame, ethernet::destination, to);
    store_mac(frame, ethernet::source, from);
    store16(frame, ethernet::type, type);
}

// Returns the bytes behind the header, filled with 0, 1, 2, … behind the first 8.
Bytes store_ipv4(Bytes frame, const Endpoint& from, const Endpoint& to, std::uint8_t protocol) noexcept {
    store_ethernet(frame, to.mac, from.mac, ethernet::type_ipv4);
    const Bytes header = frame.subspan(ethernet::size, ipv4::smallest_header);
    std::fill(header.begin(), header.end(), std::byte{0});
    store8(frame, ipv4::version_length, 0x45);
    store16(frame, ipv4::total_length, static_cast<std::uint16_t>(frame.size() - ethernet::size));
    store16(frame, ipv4::fragment, ipv4::dont_fragment);
    store8(frame, ipv4::time_to_live, 64);
    store8(frame, ipv4::protocol, protocol);
    store32(frame, ipv4::source, from.address.value);
    store32(frame, ipv4::destination, to.address.value);
    store16(frame, ipv4::checksum, checksum_finish(checksum_add(header)));

    const Bytes payload = frame.subspan(ethernet::size + ipv4::smallest_header);
    for (std::size_t i = udp::size; i < payload.size(); ++i)
        store8(payload, i, static_cast<std::uint8_t>(i - udp::size));
    return payload;
}

}  // namespace

void build_arp_request(Bytes frame, const Endpoint& from, Ipv4Address wanted) noexcept {
    store_ethernet(frame, broadcast_mac, from.mac, ethernet::type_arp);
    store16(frame, arp::hardware_type, static_cast<std::uint16_t>(arp::ethernet_ipv4 >> 32));
    store32(frame, arp::hardware_type + 2, static_cast<std::uint32_t>(arp::ethernet_ipv4));
    store16(frame, arp::operation, arp::request);
    store_mac(frame, arp::sender_mac, from.mac);
    store32(frame, arp::sender_address, from.address.value);
    store_mac(frame, arp::target_mac, {});
    store32(frame, arp::target_address, wanted.value);
}

void build_udp(Bytes frame, const Endpoint& from, const Endpoint& to) noexcept {
    const Bytes payload = store_ipv4(frame, from, to, ipv4::udp);
    store16(payload, udp::source_port, from.port);
    store16(payload, udp::destination_port, to.port);
    store16(payload, udp::length, static_cast<std::uint16_t>(payload.size()));
    store16(payload, udp::checksum, 0);
    // The pseudo header: both addresses, the protocol and the length.
    const std::uint32_t pseudo =
        checksum_add(frame.subspan(ipv4::source, 8)) + ipv4::udp + static_cast<std::uint32_t>(payload.size());
    const std::uint16_t sum = checksum_finish(checksum_add(payload, pseudo));
    store16(payload, udp::checksum, sum == 0 ? 0xffff : sum);  // 0 would mean that there is none
}

void build_echo_request(Bytes frame, const Endpoint& from, const Endpoint& to, std::uint16_t identifier,
                        std::uint16_t sequence) noexcept {
    const Bytes payload = store_ipv4(frame, from, to, ipv4::icmp);
    store16(payload, icmp::type_code, icmp::echo_request);
    store16(payload, icmp::checksum, 0);
    store16(payload, icmp::identifier, identifier);
    store16(payload, icmp::sequence, sequence);
    store16(payload, icmp::checksum, checksum_finish(checksum_add(payload)));
}

std::optional<std::size_t> ipv4_payload(ConstBytes head, std::size_t total) noexcept {
    if (head.size() < smallest_ip_frame || load16(head, ethernet::type) != ethernet::type_ipv4) return std::nullopt;
    if (load8(head, ipv4::version_length) >> 4 != 4) return std::nullopt;
    const std::size_t header = std::size_t{load8(head, ipv4::version_length)} % 16 * 4;
    const std::size_t length = load16(head, ipv4::total_length);
    const std::size_t payload = ethernet::size + header;
    if (header < ipv4::smallest_header || length < header + udp::size || length > total - ethernet::size)
        return std::nullopt;
    if (payload + udp::size > head.size()) return std::nullopt;
    if ((load16(head, ipv4::fragment) & ipv4::is_fragment) != 0) return std::nullopt;
    return payload;
}

std::optional<MacAddress> read_arp_reply(ConstBytes frame, Ipv4Address wanted) noexcept {
    if (frame.size() < arp::end || load16(frame, ethernet::type) != ethernet::type_arp) return std::nullopt;
    if (load16(frame, arp::operation) != arp::reply || load_address(frame, arp::sender_address) != wanted)
        return std::nullopt;
    return load_mac(frame, arp::sender_mac);
}

std::optional<std::uint16_t> read_echo_reply(ConstBytes head, std::size_t total, Ipv4Address me,
                                             std::uint16_t identifier) noexcept {
    const auto payload = ipv4_payload(head, total);
    if (!payload || load8(head, ipv4::protocol) != ipv4::icmp || load_address(head, ipv4::destination) != me)
        return std::nullopt;
    const ConstBytes echo = head.subspan(*payload);
    if (load16(echo, icmp::type_code) != icmp::echo_reply || load16(echo, icmp::identifier) != identifier)
        return std::nullopt;
    return load16(echo, icmp::sequence);
}

}  // namespace vmq::mqperf
