// Walking from Ethernet to TCP or UDP, and making a segment's headers of its packet's.
#include "driver/net/offload/headers.hpp"

#include <algorithm>

#include "driver/net/offload/checksum.hpp"

namespace vmq::net::offload {

namespace {

constexpr std::size_t ethernet_type_at = 12;
constexpr unsigned max_vlan_tags = 2;
constexpr unsigned max_extensions = 8;

namespace ethernet_type {
constexpr std::uint16_t ipv4 = 0x0800;
constexpr std::uint16_t vlan = 0x8100;
constexpr std::uint16_t ipv6 = 0x86dd;
constexpr std::uint16_t service_vlan = 0x88a8;
}  // namespace ethernet_type

namespace protocol {
constexpr std::uint8_t hop_by_hop = 0;
constexpr std::uint8_t tcp = 6;
constexpr std::uint8_t udp = 17;
constexpr std::uint8_t destination_options = 60;
}  // namespace protocol

constexpr std::size_t ipv4_header = 20;
constexpr std::size_t ipv6_header = 40;

}  // namespace

std::size_t tag_bytes(std::span<const std::byte> front) noexcept {
    if (front.size() < ethernet_type_at + 2) return 0;
    const unsigned type = std::to_integer<unsigned>(front[ethernet_type_at]) << 8 |
                          std::to_integer<unsigned>(front[ethernet_type_at + 1]);
    return type == ethernet_type::vlan || type == ethernet_type::service_vlan ? 4 : 0;
}

std::optional<Headers> Headers::find(std::span<const std::byte> front, std::size_t length) noexcept {
    Headers headers;
    headers.length_ = length;
    headers.copied_ = std::min({front.size(), length, most});
    std::copy_n(front.begin(), headers.copied_, headers.bytes_.begin());
    if (!headers.find_network()) return std::nullopt;
    if (!(headers.ipv6_ ? headers.find_ipv6_transport() : headers.find_ipv4_transport())) return std::nullopt;
    if (!headers.find_payload()) return std::nullopt;
    return headers;
}

bool Headers::find_network() noexcept {
    std::size_t at = ethernet_type_at;
    for (unsigned tags = 0; tags <= max_vlan_tags && holds(at, 2); ++tags, at += 4) {
        const std::uint16_t type = word(at);
        if (type == ethernet_type::vlan || type == ethernet_type::service_vlan) continue;
        network_ = at + 2;
        ipv6_ = type == ethernet_type::ipv6;
        return ipv6_ || type == ethernet_type::ipv4;
    }
    return false;
}

bool Headers::find_ipv4_transport() noexcept {
    if (!holds(network_, ipv4_header) || byte(network_) >> 4 != 4) return false;
    const std::size_t size = std::size_t{byte(network_)} % 16 * 4;
    constexpr std::uint16_t fragment = 0x3fff;  // the offset, and "more fragments"
    if (size < ipv4_header || word(network_ + 2) != length_ - network_ || (word(network_ + 6) & fragment) != 0)
        return false;
    transport_ = network_ + size;
    udp_ = byte(network_ + 9) == protocol::udp;
    return udp_ || byte(network_ + 9) == protocol::tcp;
}

// Past the extension headers of RFC 8200, 4 that say what follows them. Not past a fragment's, nor past a routing
// header, which changes the address that the checksum is made with.
bool Headers::find_ipv6_transport() noexcept {
    if (!holds(network_, ipv6_header) || byte(network_) >> 4 != 6) return false;
    if (word(network_ + 4) != length_ - network_ - ipv6_header) return false;
    std::uint8_t next = byte(network_ + 6);
    transport_ = network_ + ipv6_header;
    for (unsigned extensions = 0; extensions < max_extensions; ++extensions) {
        udp_ = next == protocol::udp;
        if (udp_ || next == protocol::tcp) return true;
        const bool skips = next == protocol::hop_by_hop || next == protocol::destination_options;
        if (!skips || !holds(transport_, 2)) return false;
        next = byte(transport_);
        transport_ += (byte(transport_ + 1) + std::size_t{1}) * 8;
    }
    return false;
}

bool Headers::find_payload() noexcept {
    if (!holds(transport_, udp_ ? 8 : 20)) return false;
    if (udp_ && word(transport_ + 4) != length_ - transport_) return false;
    const std::size_t header = udp_ ? 8 : std::size_t{byte(transport_ + 12)} / 16 * 4;
    size_ = transport_ + header;
    return (udp_ || header >= 20) && size_ <= copied_;
}

// RFC 9293, 3.1, RFC 768, and RFC 8200, 8.1.
std::uint16_t Headers::pseudo_sum() const noexcept {
    OnesSum sum;
    const std::size_t addresses = network_ + (ipv6_ ? 8 : 12);
    sum.add(std::span{bytes_}.subspan(addresses, ipv6_ ? 32 : 8));
    sum.add_word(udp_ ? protocol::udp : protocol::tcp);
    sum.add_word(static_cast<std::uint16_t>(length_ - transport_));
    return sum.value();
}

Headers Headers::segment(std::size_t from, std::size_t count, std::size_t index) const noexcept {
    Headers segment = *this;
    segment.length_ = size_ + count;
    segment.set_ip_length();
    if (!ipv6_) segment.number_ipv4(index);
    segment.set_transport(from, index, from + count == payload());
    segment.set_checksum(segment.pseudo_sum());
    return segment;
}

void Headers::set_ip_length() noexcept {
    ipv6_ ? set_word(network_ + 4, length_ - network_ - ipv6_header) : set_word(network_ + 2, length_ - network_);
}

void Headers::number_ipv4(std::size_t index) noexcept {
    set_word(network_ + 4, word(network_ + 4) + index);
    set_word(network_ + 10, 0);
    OnesSum sum;
    sum.add(std::span{bytes_}.subspan(network_, transport_ - network_));
    set_word(network_ + 10, static_cast<std::uint16_t>(~sum.value()));
}

void Headers::set_transport(std::size_t from, std::size_t index, bool is_last) noexcept {
    if (udp_) return set_word(transport_ + 4, length_ - transport_);
    const std::uint32_t first = std::uint32_t{word(transport_ + 4)} << 16 | word(transport_ + 6);
    const auto sequence = first + static_cast<std::uint32_t>(from);
    set_word(transport_ + 4, sequence >> 16);
    set_word(transport_ + 6, sequence & 0xffff);
    std::uint16_t flags = word(transport_ + 12);
    if (index != 0) flags = static_cast<std::uint16_t>(flags & ~cwr);
    if (!is_last) flags = static_cast<std::uint16_t>(flags & ~only_last);
    set_word(transport_ + 12, flags);
}

}  // namespace vmq::net::offload
