// Building and reading packets, against frames of Linux and numbers of the RFCs.
#include <gtest/gtest.h>

#include "tests/unit/tools/frames.hpp"
#include "tools/mqperf/checksum.hpp"

namespace vmq::mqperf {
namespace {

using frames::answerer;
using frames::asker;
using frames::from_hex;

std::vector<std::byte> from(const std::vector<std::byte>& frame, std::size_t at) {
    return {frame.begin() + static_cast<std::ptrdiff_t>(at), frame.end()};
}

TEST(Checksum, IsThatOfRfc1071) {
    const auto bytes = from_hex("0001f203f4f5f6f7");
    EXPECT_EQ(checksum_finish(checksum_add(bytes)), 0x220d);  // its example's sum is ddf2
    EXPECT_EQ(checksum_finish(checksum_add(ConstBytes{bytes}.subspan(4), checksum_add(ConstBytes{bytes}.first(4)))),
              0x220d);
}

TEST(Checksum, PadsAnOddLastByte) {
    EXPECT_EQ(checksum_add(from_hex("010203")), 0x0402u);
    EXPECT_EQ(checksum_add({}), 0u);
}

TEST(Checksum, UpdateIsTheSameAsStartingAnew) {
    // RFC 1624, section 4: the header word 0x5555 becomes 0x3285, the checksum was 0xdd2f.
    EXPECT_EQ(checksum_update(0xdd2f, 0x5555, 0x3285), 0x0000);
    EXPECT_EQ(checksum_update(0x77c7, 0x0800, 0x0000), 0x7fc7);  // the echo request and reply of Linux
}

TEST(BuildArpRequest, IsWhatLinuxSends) {
    std::vector<std::byte> frame(arp_frame_size);
    build_arp_request(frame, asker, answerer.address);
    EXPECT_EQ(frame, frames::arp_request);
}

// Linux numbers its packets; ours are all 0, which the checksum below accounts for.
TEST(BuildEchoRequest, IsWhatLinuxSendsButForTheIpNumber) {
    std::vector<std::byte> frame(frames::echo_request.size(), std::byte{0xee});
    build_echo_request(frame, asker, answerer, 0x6213, 1);
    EXPECT_EQ(from(frame, 34), from(frames::echo_request, 34));
    auto expected = frames::echo_request;
    store16(expected, ethernet::size + 4, 0);
    store16(expected, ipv4::checksum, checksum_update(0x414a, 0x6e37, 0));
    EXPECT_EQ(frame, expected);
}

TEST(BuildUdp, HasTheChecksumThatLinuxComputes) {
    std::vector<std::byte> frame(frames::udp_request.size());
    build_udp(frame, asker, answerer);
    // The payload differs ("hello" there), so the checksum does by the difference of the words.
    std::uint16_t expected = 0x2107;
    expected = checksum_update(expected, 0x6865, 0x0001);
    expected = checksum_update(expected, 0x6c6c, 0x0203);
    expected = checksum_update(expected, 0x6f00, 0x0400);
    EXPECT_EQ(load16(frame, 34 + udp::checksum), expected);
    EXPECT_EQ(std::vector(frame.begin() + 26, frame.begin() + 40),
              std::vector(frames::udp_request.begin() + 26, frames::udp_request.begin() + 40));
    EXPECT_EQ(checksum_finish(checksum_add(ConstBytes{frame}.subspan(ethernet::size, 20))), 0);
}

TEST(BuildUdp, FillsFramesOfEverySize) {
    for (const std::size_t size : {smallest_ip_frame, std::size_t{60}, std::size_t{1514}, std::size_t{9014}}) {
        std::vector<std::byte> frame(size);
        build_udp(frame, asker, answerer);
        ASSERT_EQ(ipv4_payload(frame, size), 34u) << size;
        EXPECT_EQ(load16(frame, 34 + udp::length), size - 34);
        const std::uint32_t pseudo =
            checksum_add(ConstBytes{frame}.subspan(ipv4::source, 8)) + ipv4::udp + load16(frame, 34 + udp::length);
        EXPECT_EQ(checksum_finish(checksum_add(ConstBytes{frame}.subspan(34), pseudo)), 0) << size;
    }
}

TEST(BuildUdp, NeverWritesTheChecksumThatMeansNone) {
    // Ports chosen so that the sum of everything is 0xffff, whose complement would be 0.
    std::vector<std::byte> frame(smallest_ip_frame);
    Endpoint from = asker;
    from.port = 0;
    build_udp(frame, from, answerer);
    const std::uint16_t sum = load16(frame, 34 + udp::checksum);
    from.port = sum;
    build_udp(frame, from, answerer);
    EXPECT_EQ(load16(frame, 34 + udp::checksum), 0xffff);
}

TEST(ReadArpReply, FindsTheAddressAskedForOnly) {
    EXPECT_EQ(read_arp_reply(frames::arp_reply, answerer.address), answerer.mac);
    EXPECT_EQ(read_arp_reply(frames::arp_reply, asker.address), std::nullopt);
    EXPECT_EQ(read_arp_reply(frames::arp_request, asker.address), std::nullopt);
    EXPECT_EQ(read_arp_reply(ConstBytes{frames::arp_reply}.first(41), answerer.address), std::nullopt);
}

TEST(ReadEchoReply, KnowsItsOwn) {
    const auto read = [](const std::vector<std::byte>& frame, Ipv4Address me, std::uint16_t identifier) {
        return read_echo_reply(frame, frame.size(), me, identifier);
    };
    EXPECT_EQ(read(frames::echo_reply, asker.address, 0x6213), 1);
    EXPECT_EQ(read(frames::echo_reply, asker.address, 0x6214), std::nullopt);
    EXPECT_EQ(read(frames::echo_reply, answerer.address, 0x6213), std::nullopt);
    EXPECT_EQ(read(frames::echo_request, answerer.address, 0x6213), std::nullopt);
    EXPECT_EQ(read(frames::udp_reply, asker.address, 7), std::nullopt);
}

TEST(Ipv4Payload, ChecksEveryLength) {
    const auto good = frames::udp_request;
    EXPECT_EQ(ipv4_payload(good, good.size()), 34u);
    EXPECT_EQ(ipv4_payload(good, good.size() - 1), std::nullopt) << "shorter than its total length";
    EXPECT_EQ(ipv4_payload(ConstBytes{good}.first(41), good.size()), std::nullopt) << "header not in the first segment";
    EXPECT_EQ(ipv4_payload(ConstBytes{good}.first(42), good.size()), 34u) << "payload in other segments";

    auto bad = good;
    store8(bad, ipv4::version_length, 0x65);
    EXPECT_EQ(ipv4_payload(bad, bad.size()), std::nullopt) << "version 6";
    store8(bad, ipv4::version_length, 0x44);
    EXPECT_EQ(ipv4_payload(bad, bad.size()), std::nullopt) << "header of 16 bytes";
    store8(bad, ipv4::version_length, 0x4f);
    EXPECT_EQ(ipv4_payload(bad, bad.size()), std::nullopt) << "header longer than the packet";
    bad = good;
    store16(bad, ipv4::total_length, 27);
    EXPECT_EQ(ipv4_payload(bad, bad.size()), std::nullopt) << "no room for UDP";
    bad = good;
    store16(bad, ipv4::fragment, 0x2000);
    EXPECT_EQ(ipv4_payload(bad, bad.size()), std::nullopt) << "first fragment";
    store16(bad, ipv4::fragment, 0x0001);
    EXPECT_EQ(ipv4_payload(bad, bad.size()), std::nullopt) << "last fragment";
}

TEST(ParseAddress, TakesTheUsualForms) {
    EXPECT_EQ(parse_ipv4("192.168.5.1"), (Ipv4Address{0xc0a80501}));
    EXPECT_EQ(parse_ipv4("255.255.255.255"), (Ipv4Address{0xffffffff}));
    EXPECT_EQ(parse_mac("52:54:00:12:34:aF"), (MacAddress{0x52, 0x54, 0, 0x12, 0x34, 0xaf}));
}

TEST(ParseAddress, TakesNothingElse) {
    for (const char* text :
         {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4 ", "1..3.4", "-1.2.3.4", "1.2.3.x", "1.2.3.0004"}) {
        EXPECT_EQ(parse_ipv4(text), std::nullopt) << text;
    }
    for (const char* text :
         {"", "52:54:00:12:34", "52:54:00:12:34:56:78", "52-54-00-12-34-56", "52:54:00:12:34:g6", "525:4:0:1:2:3"}) {
        EXPECT_EQ(parse_mac(text), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace vmq::mqperf
