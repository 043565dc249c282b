// The software device's own idea of checksums and segments, by hand, and the headers that it objects to.
#include "tests/device/offload.hpp"

#include <gtest/gtest.h>

#include <vmq/offload.hpp>

#include "tests/unit/net/ip_packet.hpp"

namespace vmq::software {
namespace {

TEST(DeviceOffload, SumsAsTheRfcDoes) {
    Frame bytes;
    for (const unsigned byte : {0x00u, 0x01u, 0xf2u, 0x03u, 0xf4u, 0xf5u, 0xf6u, 0xf7u})
        bytes.push_back(static_cast<std::byte>(byte));
    EXPECT_EQ(slow_checksum(bytes), 0xffff - 0xddf2);  // RFC 1071, 3
    bytes.push_back(std::byte{0x01});
    EXPECT_EQ(slow_checksum(bytes), 0xffff - 0xdef2) << "the last byte is the upper half of a word";
}

TEST(DeviceOffload, SegmentsAreRightOnTheLine) {
    for (const IpPacket& packet : {IpPacket{.payload = 1001, .flags = 0x99}, IpPacket{.ipv6 = true, .payload = 1001},
                                   IpPacket{.udp = true, .payload = 1001}}) {
        const auto frames = carry_out(packet.segment_header(500), packet.bytes());
        ASSERT_EQ(frames.size(), 3u);
        EXPECT_EQ(frames[0].size(), packet.headers() + 500);
        EXPECT_EQ(frames[2].size(), packet.headers() + 1);
        EXPECT_EQ(frames[2].back(), packet.bytes().back());
        for (const Frame& frame : frames) EXPECT_EQ(fault_on_line(frame), std::nullopt);
    }
    const IpPacket tcp{.payload = 1001, .flags = 0x99};
    const auto frames = carry_out(tcp.segment_header(500), tcp.bytes());
    EXPECT_EQ(frames[0][tcp.transport() + 13], std::byte{0x90}) << "CWR and ACK";
    EXPECT_EQ(frames[1][tcp.transport() + 13], std::byte{0x10});
    EXPECT_EQ(frames[2][tcp.transport() + 13], std::byte{0x19}) << "ACK, PSH and FIN";
}

TEST(DeviceOffload, ObjectsToWrongHeaders) {
    const IpPacket packet{.payload = 1000};
    const auto fault = [&](auto change, virtio::FeatureSet features = send_offload_features) {
        virtio::NetHeader header = packet.segment_header(500);
        change(header);
        return fault_of(header, packet.bytes(), features).has_value();
    };
    EXPECT_FALSE(fault([](virtio::NetHeader&) {}));
    EXPECT_FALSE(fault([](virtio::NetHeader& header) { header = {}; }, {}));
    EXPECT_TRUE(fault([](virtio::NetHeader&) {}, virtio::FeatureSet{virtio::Feature::csum}));
    EXPECT_TRUE(fault([](virtio::NetHeader& header) { header.flags = 0; }));
    EXPECT_TRUE(fault([](virtio::NetHeader& header) { header.flags = virtio::net_header_flags::data_valid; }));
    EXPECT_TRUE(fault([](virtio::NetHeader& header) { header.gso_type = virtio::gso_type::tcpv6; }));
    EXPECT_TRUE(fault([](virtio::NetHeader& header) { header.gso_type = virtio::gso_type::udp_l4; }));
    EXPECT_TRUE(fault([](virtio::NetHeader& header) { header.gso_type |= virtio::gso_type::ecn; }));
    EXPECT_TRUE(fault([](virtio::NetHeader& header) { header.gso_size = 0; }));
    EXPECT_TRUE(fault([](virtio::NetHeader& header) { header.gso_size = 1000; }));
    EXPECT_TRUE(fault([](virtio::NetHeader& header) { header.hdr_len = 34; }));
    EXPECT_TRUE(fault([](virtio::NetHeader& header) { header.csum_start = 14; }));
    EXPECT_TRUE(fault([](virtio::NetHeader& header) { header.csum_offset = 2000; }));
}

TEST(DeviceOffload, SeesWhatIsWrongOnTheLine) {
    const Frame right = IpPacket{.payload = 100}.with_whole_checksum();
    EXPECT_EQ(fault_on_line(right), std::nullopt);
    for (const std::size_t at : {17u, 24u, 30u, 60u, 120u}) {
        Frame wrong = right;
        wrong[at] ^= std::byte{1};
        EXPECT_NE(fault_on_line(wrong), std::nullopt) << at;
    }
}

}  // namespace
}  // namespace vmq::software
