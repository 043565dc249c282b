// Requests become answers: fields change places, so most checksums stay what they are.
#include "tools/mqperf/responder.hpp"

#include "tools/mqperf/checksum.hpp"

namespace vmq::mqperf {
namespace {

bool answer_arp(Bytes frame, const Endpoint& me) noexcept {
    const std::uint64_t kind =
        std::uint64_t{load16(frame, arp::hardware_type)} << 32 | load32(frame, arp::hardware_type + 2);
    if (kind != arp::ethernet_ipv4 || load16(frame, arp::operation) != arp::request) return false;
    if (load_address(frame, arp::target_address) != me.address) return false;

    store_mac(frame, ethernet::destination, load_mac(frame, arp::sender_mac));
    store_mac(frame, ethernet::source, me.mac);
    store16(frame, arp::operation, arp::reply);
    swap_fields(frame, arp::sender_mac, arp::target_mac, 10);  // a MAC and an IPv4 address each
    store_mac(frame, arp::sender_mac, me.mac);
    return true;
}

// A source that an answer can be sent to: not "this network", multicast or broadcast.
bool can_be_answered(Ipv4Address source) noexcept { return source.value >> 24 != 0 && source.value >> 24 < 224; }

bool answer_echo(Bytes echo) noexcept {
    if (load16(echo, icmp::type_code) != icmp::echo_request) return false;
    store16(echo, icmp::type_code, icmp::echo_reply);
    store16(echo, icmp::checksum, checksum_update(load16(echo, icmp::checksum), icmp::echo_request, icmp::echo_reply));
    return true;
}

bool answer_udp(Bytes datagram) noexcept {
    if (load16(datagram, udp::source_port) == 0) return false;  // RFC 768: wants no answer
    swap_fields(datagram, udp::source_port, udp::destination_port, 2);
    return true;
}

bool answer_ipv4(Bytes head, std::size_t total, const Endpoint& me) noexcept {
    const auto payload = ipv4_payload(head, total);
    if (!payload || load_mac(head, ethernet::destination) != me.mac) return false;
    if (load_address(head, ipv4::destination) != me.address || !can_be_answered(load_address(head, ipv4::source)))
        return false;

    const std::uint8_t protocol = load8(head, ipv4::protocol);
    const Bytes inner = head.subspan(*payload);
    if (!(protocol == ipv4::icmp && answer_echo(inner)) && !(protocol == ipv4::udp && answer_udp(inner))) return false;
    swap_macs(head);
    swap_fields(head, ipv4::source, ipv4::destination, 4);
    return true;
}

}  // namespace

bool answer(Bytes head, std::size_t total, const Endpoint& me) noexcept {
    if (head.size() < arp_frame_size) return false;  // nor is there room for ICMP or UDP
    switch (load16(head, ethernet::type)) {
        case ethernet::type_arp:
            return answer_arp(head, me);
        case ethernet::type_ipv4:
            return answer_ipv4(head, total, me);
        default:
            return false;
    }
}

}  // namespace vmq::mqperf
