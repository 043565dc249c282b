// mqperf echo's answers against those of Linux, and everything that must not be answered.
#include "tools/mqperf/responder.hpp"

#include <gtest/gtest.h>

#include "tests/unit/tools/frames.hpp"
#include "tools/mqperf/checksum.hpp"

namespace vmq::mqperf {
namespace {

using frames::answerer;
using Frame = std::vector<std::byte>;

Frame answer_to(Frame frame) {
    EXPECT_TRUE(answer(frame, frame.size(), answerer));
    return frame;
}

void expect_ignored(const Frame& request, const char* what) {
    Frame frame = request;
    EXPECT_FALSE(answer(frame, frame.size(), answerer)) << what;
    EXPECT_EQ(frame, request) << what;
}

// The answer keeps the request's IPv4 number and flags; in all else it is that of Linux.
Frame with_ip_header_of(const Frame& request, Frame reply) {
    std::copy(request.begin() + 18, request.begin() + 22, reply.begin() + 18);
    std::copy(request.begin() + 24, request.begin() + 26, reply.begin() + 24);
    return reply;
}

TEST(Answer, ToArpIsThatOfLinux) { EXPECT_EQ(answer_to(frames::arp_request), frames::arp_reply); }

TEST(Answer, ToAnEchoRequestIsThatOfLinux) {
    const Frame reply = answer_to(frames::echo_request);
    EXPECT_EQ(reply, with_ip_header_of(frames::echo_request, frames::echo_reply));
    EXPECT_EQ(checksum_finish(checksum_add(ConstBytes{reply}.subspan(14, 20))), 0);
    EXPECT_EQ(checksum_finish(checksum_add(ConstBytes{reply}.subspan(34))), 0);
}

TEST(Answer, ToUdpIsTheSamePayloadBack) {
    const Frame reply = answer_to(frames::udp_request);
    EXPECT_EQ(reply, with_ip_header_of(frames::udp_request, frames::udp_reply));
    EXPECT_EQ(checksum_finish(checksum_add(ConstBytes{reply}.subspan(14, 20))), 0);
}

TEST(Answer, WorksWithIpOptionsAndPadding) {
    Frame request = frames::udp_request;
    const Frame options = frames::from_hex("01010101");
    request.insert(request.begin() + 34, options.begin(), options.end());
    store8(request, ipv4::version_length, 0x46);
    store16(request, ipv4::total_length, 37);
    request.resize(60);
    const Frame reply = answer_to(request);
    EXPECT_EQ(load16(reply, 38 + udp::source_port), 7);
    EXPECT_EQ(load16(reply, 38 + udp::destination_port), 4000);
    EXPECT_EQ(reply.size(), 60u);
}

TEST(Answer, NeedsOnlyTheHeadersInTheFirstSegment) {
    Frame frame(42);
    std::copy(frames::udp_request.begin(), frames::udp_request.begin() + 42, frame.begin());
    store16(frame, ipv4::total_length, 3000);
    EXPECT_TRUE(answer(frame, 3014, answerer));
    EXPECT_EQ(load_mac(frame, ethernet::destination), frames::asker.mac);
}

TEST(Answer, IgnoresWhatIsForOthers) {
    Frame frame = frames::arp_request;
    store32(frame, arp::target_address, 0xc0a80503);
    expect_ignored(frame, "ARP for another address");
    for (const Frame& request : {frames::echo_request, frames::udp_request}) {
        frame = request;
        store8(frame, 5, 3);
        expect_ignored(frame, "another MAC address");
        frame = request;
        store_mac(frame, ethernet::destination, broadcast_mac);
        expect_ignored(frame, "broadcast");
        frame = request;
        store32(frame, ipv4::destination, 0xc0a80503);
        expect_ignored(frame, "another IPv4 address");
    }
}

TEST(Answer, IgnoresAnswers) {
    for (Frame frame : {frames::arp_reply, frames::echo_reply}) {
        const Frame before = frame;
        EXPECT_FALSE(answer(frame, frame.size(), frames::asker));
        EXPECT_EQ(frame, before);
    }
}

TEST(Answer, IgnoresFragments) {
    Frame frame = frames::udp_request;
    store16(frame, ipv4::fragment, 0x2000);
    expect_ignored(frame, "first fragment");
    store16(frame, ipv4::fragment, 0x00b9);
    expect_ignored(frame, "last fragment");
}

TEST(Answer, IgnoresSourcesThatCannotBeAnswered) {
    for (const std::uint32_t source : {0u, 0xe0000001u, 0xffffffffu}) {
        Frame frame = frames::udp_request;
        store32(frame, ipv4::source, source);
        expect_ignored(frame, "source");
    }
    Frame frame = frames::udp_request;
    store16(frame, 34 + udp::source_port, 0);
    expect_ignored(frame, "port 0");
}

TEST(Answer, IgnoresOtherProtocols) {
    Frame frame = frames::udp_request;
    store8(frame, ipv4::protocol, 6);
    expect_ignored(frame, "TCP");
    frame = frames::udp_request;
    store16(frame, ethernet::type, 0x86dd);
    expect_ignored(frame, "IPv6");
    frame = frames::arp_request;
    store16(frame, arp::hardware_type, 6);
    expect_ignored(frame, "ARP of other hardware");
}

TEST(Answer, IgnoresEveryCutFrame) {
    for (const Frame& request : {frames::arp_request, frames::echo_request, frames::udp_request}) {
        for (std::size_t size = 0; size < request.size(); ++size) {
            expect_ignored(Frame(request.begin(), request.begin() + static_cast<std::ptrdiff_t>(size)), "cut");
        }
    }
}

}  // namespace
}  // namespace vmq::mqperf
