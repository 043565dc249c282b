// Checksums and segments, slowly.
#include "tests/device/offload.hpp"

#include <algorithm>

namespace vmq::software {

using virtio::Feature;

namespace {

unsigned get(const Frame& packet, std::size_t at) { return std::to_integer<unsigned>(packet.at(at)); }
unsigned get16(const Frame& packet, std::size_t at) { return get(packet, at) * 256 + get(packet, at + 1); }
void put16(Frame& packet, std::size_t at, std::size_t value) {
    packet.at(at) = static_cast<std::byte>(value / 256 % 256);
    packet.at(at + 1) = static_cast<std::byte>(value % 256);
}
void put32(Frame& packet, std::size_t at, std::size_t value) {
    put16(packet, at, value / 65536);
    put16(packet, at + 2, value);
}

std::size_t network_at(const Frame& packet) {
    std::size_t type = 12;
    while (get16(packet, type) == 0x8100 || get16(packet, type) == 0x88a8) type += 4;
    return type + 2;
}

bool is_ipv6(const Frame& packet) { return get(packet, network_at(packet)) / 16 == 6; }

struct Transport {
    std::size_t at;
    bool udp;
    [[nodiscard]] std::size_t checksum_at() const { return at + (udp ? 6 : 16); }
    [[nodiscard]] std::size_t end(const Frame& packet) const { return at + (udp ? 8 : get(packet, at + 12) / 16 * 4); }
};

Transport transport_of(const Frame& packet) {
    const std::size_t network = network_at(packet);
    if (!is_ipv6(packet)) return {network + get(packet, network) % 16 * 4, get(packet, network + 9) == 17};
    std::size_t at = network + 40;
    unsigned next = get(packet, network + 6);
    while (next != 6 && next != 17) {
        next = get(packet, at);
        at += 8 * (1 + get(packet, at + 1));
    }
    return {at, next == 17};
}

// The pseudo header and everything behind it, as one row of bytes.
Frame summed_bytes(const Frame& packet) {
    const std::size_t network = network_at(packet);
    const Transport transport = transport_of(packet);
    const std::size_t first = network + (is_ipv6(packet) ? 8 : 12);
    const std::size_t last = network + (is_ipv6(packet) ? 40 : 20);
    const auto at = [&](std::size_t offset) { return packet.begin() + static_cast<std::ptrdiff_t>(offset); };
    Frame bytes(at(first), at(last));
    bytes.resize(bytes.size() + 8);
    put32(bytes, bytes.size() - 8, packet.size() - transport.at);
    put32(bytes, bytes.size() - 4, transport.udp ? 17 : 6);
    bytes.insert(bytes.end(), at(transport.at), packet.end());
    return bytes;
}

void set_lengths(Frame& packet) {
    const std::size_t network = network_at(packet);
    const Transport transport = transport_of(packet);
    if (is_ipv6(packet)) {
        put16(packet, network + 4, packet.size() - network - 40);
    } else {
        put16(packet, network + 2, packet.size() - network);
    }
    if (transport.udp) put16(packet, transport.at + 4, packet.size() - transport.at);
}

void set_checksums(Frame& packet) {
    const std::size_t network = network_at(packet);
    const Transport transport = transport_of(packet);
    if (!is_ipv6(packet)) {
        put16(packet, network + 10, 0);
        put16(packet, network + 10, slow_checksum(std::span{packet}.subspan(network, transport.at - network)));
    }
    put16(packet, transport.checksum_at(), 0);
    const std::uint16_t checksum = slow_checksum(summed_bytes(packet));
    put16(packet, transport.checksum_at(), checksum == 0 ? 0xffff : checksum);
}

std::vector<Frame> segments(const Frame& packet, std::size_t size) {
    const std::size_t network = network_at(packet);
    const Transport transport = transport_of(packet);
    const auto payload = packet.begin() + static_cast<std::ptrdiff_t>(transport.end(packet));
    std::vector<Frame> frames;
    for (auto from = payload; from < packet.end();) {
        const auto to = from + std::min(static_cast<std::ptrdiff_t>(size), packet.end() - from);
        Frame frame(packet.begin(), payload);
        frame.insert(frame.end(), from, to);
        if (!is_ipv6(packet)) put16(frame, network + 4, get16(packet, network + 4) + frames.size());
        if (!transport.udp) {
            const auto offset = static_cast<std::size_t>(from - payload);
            put32(frame, transport.at + 4,
                  get16(packet, transport.at + 4) * 65536u + get16(packet, transport.at + 6) + offset);
            std::byte& flags = frame[transport.at + 13];
            if (from != payload) flags &= ~std::byte{0x80};     // CWR
            if (to != packet.end()) flags &= ~std::byte{0x09};  // PSH, FIN
        }
        set_lengths(frame);
        set_checksums(frame);
        frames.push_back(std::move(frame));
        from = to;
    }
    return frames;
}

bool may_segment(std::uint8_t type, virtio::FeatureSet features) {
    if ((type & virtio::gso_type::ecn) != 0 && !features.has(Feature::host_ecn)) return false;
    switch (type & ~virtio::gso_type::ecn) {
        case virtio::gso_type::tcpv4:
            return features.has(Feature::host_tso4);
        case virtio::gso_type::tcpv6:
            return features.has(Feature::host_tso6);
        case virtio::gso_type::udp_l4:
            return features.has(Feature::host_uso) && type == virtio::gso_type::udp_l4;
        default:
            return false;
    }
}

// Where the packet's own headers are what the segments' are to be made of.
std::optional<std::string> segmentation_fault(const virtio::NetHeader& header, const Frame& packet) {
    const Transport transport = transport_of(packet);
    const unsigned type = header.gso_type & ~virtio::gso_type::ecn;
    if (transport.udp != (type == virtio::gso_type::udp_l4)) return "a gso_type of another protocol";
    if (!transport.udp && is_ipv6(packet) != (type == virtio::gso_type::tcpv6)) return "a gso_type of another IP";
    const bool cwr = !transport.udp && (get(packet, transport.at + 13) & 0x80) != 0;
    if (cwr != ((header.gso_type & virtio::gso_type::ecn) != 0)) return "the ECN bit is not the packet's CWR";
    if (header.csum_start.value() != transport.at) return "csum_start is not the transport header";
    if (header.hdr_len.value() != transport.end(packet)) return "hdr_len is not the headers' length";
    if (header.gso_size.value() == 0) return "gso_size 0";
    if (transport.end(packet) + header.gso_size.value() >= packet.size()) return "nothing to segment";
    return std::nullopt;
}

}  // namespace

std::uint16_t slow_checksum(std::span<const std::byte> bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        sum += std::to_integer<std::uint32_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
        if (sum > 0xffff) sum -= 0xffff;  // the carry comes round
    }
    return static_cast<std::uint16_t>(0xffff - sum);
}

std::optional<std::string> fault_of(const virtio::NetHeader& header, const Frame& packet, virtio::FeatureSet features) {
    const bool asks = header.flags == virtio::net_header_flags::needs_csum;
    if (header.flags != 0 && !asks) return "flags that a driver must not set";
    if (asks && !features.has(Feature::csum)) return "NEEDS_CSUM without CSUM";
    if (asks && header.csum_start.value() + header.csum_offset.value() + 2u > packet.size())
        return "a checksum field beyond the packet";
    if (header.gso_type == virtio::gso_type::none) return std::nullopt;
    if (!may_segment(header.gso_type, features)) return "a gso_type that was not negotiated";
    if (!asks) return "a gso_type without NEEDS_CSUM";
    return segmentation_fault(header, packet);
}

std::vector<Frame> carry_out(const virtio::NetHeader& header, Frame packet) {
    if (header.gso_type != virtio::gso_type::none) return segments(packet, header.gso_size.value());
    if (header.flags != 0) {
        const std::size_t start = header.csum_start.value();
        const std::uint16_t checksum = slow_checksum(std::span{packet}.subspan(start));
        put16(packet, start + header.csum_offset.value(), checksum == 0 ? 0xffff : checksum);
    }
    return {std::move(packet)};
}

std::optional<std::string> fault_on_line(const Frame& packet) {
    Frame right = packet;
    set_lengths(right);
    if (right != packet) return "lengths";
    const std::size_t network = network_at(packet);
    const Transport transport = transport_of(packet);
    if (!is_ipv6(packet) && slow_checksum(std::span{packet}.subspan(network, transport.at - network)) != 0)
        return "the IPv4 header's checksum";
    if (slow_checksum(summed_bytes(packet)) != 0) return "the checksum";
    return std::nullopt;
}

}  // namespace vmq::software
