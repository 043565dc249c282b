// Packets of every form, with headers that tell the truth about them.
#include <vmq/offload.hpp>

#include "tests/fuzz/harness/script.hpp"
#include "tests/fuzz/harness/seeds.hpp"
#include "tests/unit/net/ip_packet.hpp"

namespace vmq::fuzz {
namespace {

constexpr unsigned with_checksum = 1;
constexpr unsigned with_tso = 2;
constexpr unsigned found_here = 8;

std::vector<std::byte> input(unsigned kind, const virtio::NetHeader& header, const IpPacket& packet) {
    const software::Frame frame = packet.with_partial_checksum();
    Script script;
    script.u8(kind).u8(240).add_bytes(std::as_bytes(std::span{&header, 1}));
    return script.add_bytes(frame).take();
}

std::vector<std::byte> cut(unsigned kind, const IpPacket& packet, std::size_t size) {
    return input(kind, packet.segment_header(size), packet);
}

}  // namespace

std::vector<Seed> offload_seeds() {
    const IpPacket tcp{.payload = 1000};
    const IpPacket udp{.udp = true, .payload = 1000};
    const IpPacket tcp6{.ipv6 = true, .payload = 1000, .tags = 2, .options = 8, .tcp_options = 12};
    const IpPacket small{.payload = 100};
    return {{"checksum", input(0, small.checksum_header(), small), 1},
            {"checksum-found", input(found_here, small.checksum_header(), small), 1},
            {"checksum-of-the-device", input(with_checksum, small.checksum_header(), small), 1},
            {"cut-tcp", cut(0, tcp, 300), 4},
            {"cut-udp", cut(0, udp, 300), 4},
            {"cut-tcp6", cut(0, tcp6, 300), 4},
            {"cut-with-checksum", cut(with_checksum, tcp, 300), 4},
            {"cut-by-the-device", cut(with_checksum | with_tso, tcp, 300), 1},
            {"not-to-be-cut", cut(0, small, 99), 2},
            {"too-many-segments", cut(0, tcp, 1), 0},
            {"plain", input(0, {}, small), 0}};
}

}  // namespace vmq::fuzz
