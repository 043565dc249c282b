// Finding a packet's headers and making its segments', against packets made by hand and the software device's slow
// ways.
#include "driver/net/offload/headers.hpp"

#include <gtest/gtest.h>

#include <vmq/offload.hpp>

#include "tests/unit/net/ip_packet.hpp"

namespace vmq::net::offload {
namespace {

std::optional<Headers> find(const software::Frame& frame) { return Headers::find(frame, frame.size()); }

TEST(OffloadHeaders, AreFoundInEveryForm) {
    std::minstd_rand random(1);
    for (unsigned round = 0; round < 2000; ++round) {
        const IpPacket packet = random_packet(random, 2000);
        const auto headers = find(packet.bytes());
        ASSERT_TRUE(headers) << round;
        EXPECT_EQ(headers->ipv6(), packet.ipv6);
        EXPECT_EQ(headers->udp(), packet.udp);
        EXPECT_EQ(headers->transport(), packet.transport());
        EXPECT_EQ(headers->size(), packet.headers());
        EXPECT_EQ(headers->payload(), packet.payload);
        EXPECT_EQ(headers->has_cwr(), !packet.udp && (packet.flags & 0x80) != 0);
        software::Frame partial = packet.bytes();
        IpPacket::put(partial, packet.transport() + packet.checksum_offset(), headers->pseudo_sum());
        EXPECT_EQ(partial, packet.with_partial_checksum()) << round;
    }
}

TEST(OffloadHeaders, AreNotFoundInWhatIsCutOff) {
    std::minstd_rand random(2);
    for (unsigned round = 0; round < 100; ++round) {
        const IpPacket packet = random_packet(random, 10);
        const software::Frame frame = packet.bytes();
        for (std::size_t front = 0; front < packet.headers(); ++front)
            EXPECT_FALSE(Headers::find(std::span{frame}.first(front), frame.size())) << front;
        EXPECT_TRUE(Headers::find(std::span{frame}.first(packet.headers()), frame.size()));
        EXPECT_FALSE(Headers::find(frame, frame.size() + 1)) << "IP tells another length";
        EXPECT_FALSE(Headers::find(frame, frame.size() - 1));
    }
}

TEST(OffloadHeaders, AreNotFoundInOtherPackets) {
    const IpPacket ipv4{.payload = 100};
    const IpPacket ipv6{.ipv6 = true, .payload = 100, .options = 8};
    const auto changed = [](const IpPacket& packet, std::size_t at, unsigned value) {
        software::Frame frame = packet.bytes();
        frame.at(at) = static_cast<std::byte>(value);
        return frame;
    };
    EXPECT_FALSE(find(changed(ipv4, 12, 0x88))) << "another protocol";
    EXPECT_FALSE(find(changed(ipv4, 14, 0x65))) << "another version";
    EXPECT_FALSE(find(changed(ipv4, 14, 0x44))) << "a header of 16 bytes";
    EXPECT_FALSE(find(changed(ipv4, 20, 0x60))) << "more fragments";
    EXPECT_FALSE(find(changed(ipv4, 21, 0x01))) << "a later fragment";
    EXPECT_FALSE(find(changed(ipv4, 23, 1))) << "ICMP";
    EXPECT_FALSE(find(changed(ipv4, ipv4.transport() + 12, 0x40))) << "a TCP header of 16 bytes";
    EXPECT_FALSE(find(changed({.payload = 10, .tcp_options = 0}, 34 + 12, 0xf0)))
        << "one that is longer than the packet";
    EXPECT_FALSE(find(changed(ipv6, 20, 44))) << "a fragment";
    EXPECT_FALSE(find(changed(ipv6, 20, 43))) << "a routing header";
    EXPECT_FALSE(find(changed(ipv6, 55, 0xff))) << "an extension longer than the packet";
    EXPECT_FALSE(find(changed({.udp = true}, 38, 0))) << "UDP tells another length";
    EXPECT_FALSE(find(IpPacket{.tags = 3}.bytes()));
    EXPECT_FALSE(find({}));
}

TEST(OffloadHeaders, OfSegmentsAreThoseOfASlowCut) {
    std::minstd_rand random(3);
    for (unsigned round = 0; round < 500; ++round) {
        const IpPacket packet = random_packet(random, 5000);
        const std::size_t size = 1 + random() % 1500;
        const software::Frame frame = packet.bytes();
        const auto headers = find(frame);
        ASSERT_TRUE(headers);
        std::size_t index = 0;
        for (const software::Frame& expected : software::carry_out(packet.segment_header(size), frame)) {
            const std::size_t count = std::min(size, packet.payload - index * size);
            const Headers segment = headers->segment(index * size, count, index);
            software::Frame made(segment.bytes().begin(), segment.bytes().end());
            const auto from = frame.begin() + static_cast<std::ptrdiff_t>(packet.headers() + index * size);
            made.insert(made.end(), from, from + static_cast<std::ptrdiff_t>(count));
            EXPECT_EQ(software::carry_out(packet.checksum_header(), made).at(0), expected) << round << ", " << index;
            EXPECT_EQ(software::fault_on_line(expected), std::nullopt);
            ++index;
        }
    }
}

// One frame by hand: two segments of 3 and 2 bytes, the sequence number wrapping between them.
TEST(OffloadHeaders, OfTwoSegmentsAreAsWrittenByHand) {
    const auto frame = [](unsigned length, unsigned id, unsigned ip_checksum, std::initializer_list<unsigned> sequence,
                          unsigned flags, unsigned checksum, std::initializer_list<unsigned> payload) {
        software::Frame bytes(12);
        const auto add = [&bytes](std::initializer_list<unsigned> values) {
            for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
        };
        add({0x08, 0x00, 0x45, 0x00, 0x00, length, id / 256, id % 256, 0x40, 0x00, 0x40, 0x06});
        add({ip_checksum / 256, ip_checksum % 256, 10, 0, 0, 1, 10, 0, 0, 2, 0x00, 0x50, 0x00, 0x51});
        add(sequence);
        add({0, 0, 0, 1, 0x50, flags, 0x10, 0x00, checksum / 256, checksum % 256, 0, 0});
        add(payload);
        return bytes;
    };
    const auto headers = find(frame(45, 255, 0x25ca, {0xff, 0xff, 0xff, 0xfe}, 0x99, 0, {1, 2, 3, 4, 5}));
    ASSERT_TRUE(headers);
    // The checksums are the sums of the pseudo headers: 10.0.0.1, 10.0.0.2, protocol 6, and 23 and 22 bytes.
    const auto first = frame(43, 255, 0x25cc, {0xff, 0xff, 0xff, 0xfe}, 0x90, 0x1420, {});
    const auto second = frame(42, 256, 0x25cc, {0x00, 0x00, 0x00, 0x01}, 0x19, 0x141f, {});
    const auto made = [&](std::size_t from, std::size_t count, std::size_t index) {
        const Headers segment = headers->segment(from, count, index);
        return software::Frame(segment.bytes().begin(), segment.bytes().end());
    };
    EXPECT_EQ(made(0, 3, 0), first);
    EXPECT_EQ(made(3, 2, 1), second);
}

}  // namespace
}  // namespace vmq::net::offload
