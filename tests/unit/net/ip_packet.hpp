// TCP and UDP packets for tests, in every form that the driver knows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

#include "driver/virtio/spec.hpp"
#include "tests/device/offload.hpp"

namespace vmq {

struct IpPacket {
    bool ipv6 = false;
    bool udp = false;
    std::size_t payload = 1000;
    std::size_t tags = 0;     // of VLANs
    std::size_t options = 0;  // bytes: of IPv4, of an extension header of IPv6
    std::size_t tcp_options = 12;
    unsigned flags = 0x18;  // of TCP: ACK and PSH
    std::uint32_t sequence = 0xfffff000;
    unsigned seed = 1;

    [[nodiscard]] std::size_t network() const { return 14 + 4 * tags; }
    [[nodiscard]] std::size_t transport() const { return network() + (ipv6 ? 40 : 20) + options; }
    [[nodiscard]] std::size_t headers() const { return transport() + (udp ? 8 : 20 + tcp_options); }
    [[nodiscard]] std::size_t checksum_offset() const { return udp ? 6 : 16; }
    [[nodiscard]] Segmentation segmentation() const {
        if (udp) return Segmentation::udp;
        return ipv6 ? Segmentation::tcpv6 : Segmentation::tcpv4;
    }

    // All is right but the TCP or UDP checksum, which is `checksum`.
    [[nodiscard]] software::Frame bytes(std::uint16_t checksum = 0xdead) const {
        std::minstd_rand random(seed);
        software::Frame frame(headers() + payload);
        for (std::byte& byte : frame) byte = static_cast<std::byte>(random() >> 8);
        for (std::size_t tag = 0; tag < tags; ++tag) put(frame, 12 + 4 * tag, tag + 1 < tags ? 0x88a8 : 0x8100);
        put(frame, network() - 2, ipv6 ? 0x86dd : 0x0800);
        ipv6 ? write_ipv6(frame) : write_ipv4(frame);
        if (udp) {
            put(frame, transport() + 4, frame.size() - transport());
        } else {
            put(frame, transport() + 4, sequence >> 16);
            put(frame, transport() + 6, sequence & 0xffff);
            put(frame, transport() + 12, (20 + tcp_options) / 4 << 12 | flags);
        }
        put(frame, transport() + checksum_offset(), checksum);
        return frame;
    }
    // The sum of the pseudo header lies where the checksum belongs.
    [[nodiscard]] software::Frame with_partial_checksum() const {
        software::Frame frame = bytes();
        const std::size_t first = network() + (ipv6 ? 8 : 12);
        software::Frame pseudo(frame.begin() + static_cast<std::ptrdiff_t>(first),
                               frame.begin() + static_cast<std::ptrdiff_t>(first + (ipv6 ? 32 : 8)));
        pseudo.resize(pseudo.size() + 4);
        put(pseudo, pseudo.size() - 4, frame.size() - transport());
        put(pseudo, pseudo.size() - 2, udp ? 17 : 6);
        put(frame, transport() + checksum_offset(), 0xffffu - software::slow_checksum(pseudo));
        return frame;
    }
    [[nodiscard]] software::Frame with_whole_checksum() const {
        return software::carry_out(checksum_header(), with_partial_checksum()).at(0);
    }
    [[nodiscard]] virtio::NetHeader checksum_header() const {
        virtio::NetHeader header;
        header.flags = virtio::net_header_flags::needs_csum;
        header.csum_start = static_cast<std::uint16_t>(transport());
        header.csum_offset = static_cast<std::uint16_t>(checksum_offset());
        return header;
    }
    [[nodiscard]] virtio::NetHeader segment_header(std::size_t size) const {
        virtio::NetHeader header = checksum_header();
        const std::uint8_t tcp = ipv6 ? virtio::gso_type::tcpv6 : virtio::gso_type::tcpv4;
        header.gso_type = udp ? virtio::gso_type::udp_l4 : tcp;
        if (!udp && (flags & 0x80) != 0) header.gso_type |= virtio::gso_type::ecn;
        header.hdr_len = static_cast<std::uint16_t>(headers());
        header.gso_size = static_cast<std::uint16_t>(size);
        return header;
    }

    static void put(software::Frame& frame, std::size_t at, std::size_t value) {
        frame.at(at) = static_cast<std::byte>(value >> 8);
        frame.at(at + 1) = static_cast<std::byte>(value);
    }

private:
    void write_ipv4(software::Frame& frame) const {
        frame[network()] = static_cast<std::byte>(0x40 + (20 + options) / 4);
        put(frame, network() + 2, frame.size() - network());
        put(frame, network() + 6, 0x4000);  // don't fragment
        frame[network() + 9] = std::byte{static_cast<unsigned char>(udp ? 17 : 6)};
        put(frame, network() + 10, 0);
        put(frame, network() + 10, software::slow_checksum(std::span{frame}.subspan(network(), 20 + options)));
    }
    void write_ipv6(software::Frame& frame) const {
        const std::byte protocol{static_cast<unsigned char>(udp ? 17 : 6)};
        frame[network()] = std::byte{0x60};
        put(frame, network() + 4, frame.size() - network() - 40);
        frame[network() + 6] = options != 0 ? std::byte{0} : protocol;  // hop by hop
        if (options == 0) return;
        frame[network() + 40] = protocol;
        frame[network() + 41] = static_cast<std::byte>(options / 8 - 1);
    }
};

// Any of them, with every form in turn.
inline IpPacket random_packet(std::minstd_rand& random, std::size_t longest_payload) {
    IpPacket packet;
    packet.ipv6 = random() % 2 == 0;
    packet.udp = random() % 3 == 0;
    packet.payload = random() % (longest_payload + 1);
    packet.tags = random() % 3;
    packet.options = random() % 2 == 0 ? 0 : 8 * (1 + random() % 3);
    packet.tcp_options = 4 * (random() % 11);
    packet.flags = random() % 0x100;
    packet.sequence = static_cast<std::uint32_t>(random() * 2);
    packet.seed = static_cast<unsigned>(random());
    return packet;
}

}  // namespace vmq
