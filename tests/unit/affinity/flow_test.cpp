// Flows of frames, whole, cut off and senseless; addresses from text.
#include <algorithm>
#include <stdexcept>

#include <gtest/gtest.h>

#include <vmq/steering.hpp>

#include "tests/unit/affinity/random_flows.hpp"

namespace vmq::steering {
namespace {

using Frame = std::vector<std::byte>;

// Appends numbers as bytes.
Frame& add(Frame& frame, std::initializer_list<unsigned> bytes) {
    for (const unsigned byte : bytes) frame.push_back(static_cast<std::byte>(byte));
    return frame;
}

Frame& add(Frame& frame, const Address& address) {
    for (const std::uint8_t byte : address.bytes()) frame.push_back(std::byte{byte});
    return frame;
}

const Address v4_peer = Address::v4({192, 0, 2, 1});
const Address v4_here = Address::v4({198, 51, 100, 7});
const Address v6_peer = Address::parse("2001:db8::1");
const Address v6_here = Address::parse("2001:db8::7");
const Address home = Address::parse("2001:db8:1::5");
const Address routed = Address::parse("2001:db8:2::6");

constexpr unsigned tcp = 6;
constexpr unsigned udp = 17;
constexpr unsigned icmp = 1;

Frame ethernet(std::initializer_list<unsigned> types) {
    Frame frame(12);
    return add(frame, types);
}

// Ports 0x1234 and 0x5678 and the rest of a TCP header; UDP's is its first 8 bytes.
Frame& add_transport(Frame& frame, std::size_t size) {
    add(frame, {0x12, 0x34, 0x56, 0x78});
    frame.resize(frame.size() + size - 4);
    return frame;
}

Frame& add_ipv4(Frame& frame, unsigned protocol, unsigned fragment_field = 0x4000, unsigned option_words = 0) {
    add(frame, {0x45 + option_words, 0, 0, 40, 0, 0, fragment_field >> 8, fragment_field & 0xff, 64, protocol, 0, 0});
    add(add(frame, v4_peer), v4_here);
    frame.resize(frame.size() + std::size_t{4} * option_words, std::byte{1});
    return frame;
}

Frame ipv4_frame(unsigned protocol, unsigned fragment_field = 0x4000, unsigned option_words = 0) {
    Frame frame = ethernet({0x08, 0x00});
    return add_transport(add_ipv4(frame, protocol, fragment_field, option_words), protocol == udp ? 8 : 20);
}

Frame& add_ipv6(Frame& frame, unsigned next) {
    add(frame, {0x60, 0, 0, 0, 0, 20, next, 64});
    return add(add(frame, v6_peer), v6_here);
}

// Extension headers, each begun with the type of what follows.
Frame& add_hop_by_hop(Frame& frame, unsigned next) {
    return add(frame, {next, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
}
Frame& add_home_option(Frame& frame, unsigned next) { return add(add(frame, {next, 2, 0, 1, 1, 0, 0xc9, 16}), home); }
Frame& add_routing_type_2(Frame& frame, unsigned next) { return add(add(frame, {next, 2, 2, 1, 0, 0, 0, 0}), routed); }

Flow with_ports(const Address& source, const Address& destination, Protocol protocol) {
    return {.source = source,
            .destination = destination,
            .protocol = protocol,
            .source_port = 0x1234,
            .destination_port = 0x5678};
}

Flow without_ports(const Address& source, const Address& destination) {
    return {.source = source, .destination = destination};
}

TEST(FlowOf, Ipv4) {
    EXPECT_EQ(flow_of(ipv4_frame(tcp)), with_ports(v4_peer, v4_here, Protocol::tcp));
    EXPECT_EQ(flow_of(ipv4_frame(udp)), with_ports(v4_peer, v4_here, Protocol::udp));
    EXPECT_EQ(flow_of(ipv4_frame(icmp)), without_ports(v4_peer, v4_here));
    EXPECT_EQ(flow_of(ipv4_frame(tcp, 0, 10)), with_ports(v4_peer, v4_here, Protocol::tcp)) << "60 bytes of header";
}

TEST(FlowOf, FragmentsHaveNoPorts) {
    for (const unsigned fragment_field : {0x2000u, 0x2001u, 0x0001u, 0x1fffu})
        EXPECT_EQ(flow_of(ipv4_frame(udp, fragment_field)), without_ports(v4_peer, v4_here)) << fragment_field;
    Frame frame = ethernet({0x86, 0xdd});
    add_transport(add(add_ipv6(frame, 44), {udp, 0, 0, 1, 0, 0, 0, 9}), 8);
    EXPECT_EQ(flow_of(frame), without_ports(v6_peer, v6_here));
}

TEST(FlowOf, Ipv6) {
    for (const unsigned protocol : {tcp, udp, 58u}) {
        Frame frame = ethernet({0x86, 0xdd});
        add_transport(add_ipv6(frame, protocol), 20);
        const Flow flow = protocol == 58
                              ? without_ports(v6_peer, v6_here)
                              : with_ports(v6_peer, v6_here, protocol == tcp ? Protocol::tcp : Protocol::udp);
        EXPECT_EQ(flow_of(frame), flow);
    }
}

TEST(FlowOf, Ipv6ExtensionHeadersAreSkippedAndTheirAddressesKept) {
    Frame frame = ethernet({0x86, 0xdd});
    add_ipv6(frame, 0);
    add_hop_by_hop(frame, 60);
    add_home_option(frame, 43);
    add_routing_type_2(frame, 60);
    add(frame, {tcp, 0, 1, 4, 0, 0, 0, 0});  // destination options of nothing but padding
    add_transport(frame, 20);
    Flow flow = with_ports(v6_peer, v6_here, Protocol::tcp);
    flow.home_address = home;
    flow.routing_address = routed;
    EXPECT_EQ(flow_of(frame), flow);
}

TEST(FlowOf, OtherRoutingHeadersAndOptionsNameNoAddress) {
    struct Case {
        unsigned type;
        std::initializer_list<unsigned> header;
    };
    for (const Case& bad : {Case{43, {tcp, 2, 0, 1, 0, 0, 0, 0}}, Case{43, {tcp, 2, 2, 0, 0, 0, 0, 0}},
                            Case{60, {tcp, 2, 0, 1, 1, 0, 0xc8, 16}}, Case{60, {tcp, 2, 0, 1, 1, 0, 0xc9, 15}},
                            Case{60, {tcp, 2, 1, 5, 0, 0, 0xc9, 16}}, Case{60, {tcp, 2, 1, 200, 0, 0, 0xc9, 16}}}) {
        Frame frame = ethernet({0x86, 0xdd});
        add_transport(add(add(add_ipv6(frame, bad.type), bad.header), home), 20);
        EXPECT_EQ(flow_of(frame), with_ports(v6_peer, v6_here, Protocol::tcp));
    }
    Frame overlong = ethernet({0x86, 0xdd});
    add_transport(add(add_ipv6(overlong, 60), {tcp, 0, 1, 2, 0, 0, 0xc9, 16}), 20);
    EXPECT_EQ(flow_of(overlong), with_ports(v6_peer, v6_here, Protocol::tcp)) << "an option beyond its header";
    Frame longer = ethernet({0x86, 0xdd});
    add(add(add_ipv6(longer, 43), {tcp, 4, 2, 1, 0, 0, 0, 0}), home);
    add_transport(add(longer, routed), 20);
    EXPECT_EQ(flow_of(longer), with_ports(v6_peer, v6_here, Protocol::tcp)) << "a routing header of two addresses";
}

TEST(FlowOf, VlanTags) {
    const Flow flow = with_ports(v4_peer, v4_here, Protocol::tcp);
    Frame tagged = ethernet({0x81, 0x00, 0, 5, 0x08, 0x00});
    EXPECT_EQ(flow_of(add_transport(add_ipv4(tagged, tcp), 20)), flow);
    Frame service = ethernet({0x88, 0xa8, 0, 5, 0x08, 0x00});
    EXPECT_EQ(flow_of(add_transport(add_ipv4(service, tcp), 20)), flow);
    Frame both = ethernet({0x88, 0xa8, 0, 5, 0x81, 0x00, 0, 6, 0x08, 0x00});
    EXPECT_EQ(flow_of(add_transport(add_ipv4(both, tcp), 20)), flow);
    Frame twice = ethernet({0x81, 0x00, 0, 5, 0x81, 0x00, 0, 6, 0x08, 0x00});
    EXPECT_EQ(flow_of(add_transport(add_ipv4(twice, tcp), 20)), std::nullopt) << "devices look behind one such tag";
}

TEST(FlowOf, WhatIsNotIpHasNone) {
    Frame arp = ethernet({0x08, 0x06});
    arp.resize(60);
    EXPECT_EQ(flow_of(arp), std::nullopt);
    EXPECT_EQ(flow_of({}), std::nullopt);
    Frame wrong_version = ipv4_frame(tcp);
    wrong_version[14] = std::byte{0x65};
    EXPECT_EQ(flow_of(wrong_version), std::nullopt);
    Frame short_header = ipv4_frame(tcp);
    short_header[14] = std::byte{0x44};
    EXPECT_EQ(flow_of(short_header), std::nullopt);
    Frame not_six = ethernet({0x86, 0xdd});
    add_transport(add_ipv6(not_six, tcp), 20);
    not_six[14] = std::byte{0x45};
    EXPECT_EQ(flow_of(not_six), std::nullopt);
}

// What a frame of each length is: nothing, then addresses, then ports. Every copy is exactly as long as what it holds,
// so that the address sanitizer sees a byte read too far.
void expect_cut_frames(const Frame& frame, std::size_t addresses_from, std::size_t ports_from, Protocol protocol) {
    for (std::size_t size = 0; size <= frame.size(); ++size) {
        const Frame cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
        const std::optional<Flow> flow = flow_of(cut);
        ASSERT_EQ(flow.has_value(), size >= addresses_from) << size;
        if (!flow) continue;
        ASSERT_EQ(flow->protocol, size >= ports_from ? protocol : Protocol::other) << size;
        ASSERT_EQ(flow->destination_port, size >= ports_from ? 0x5678 : 0) << size;
    }
}

TEST(FlowOf, CutAnywhere) {
    expect_cut_frames(ipv4_frame(tcp), 34, 54, Protocol::tcp);
    expect_cut_frames(ipv4_frame(udp), 34, 42, Protocol::udp);
    expect_cut_frames(ipv4_frame(udp, 0, 3), 34, 54, Protocol::udp);
    Frame tagged = ethernet({0x88, 0xa8, 0, 5, 0x81, 0x00, 0, 6, 0x08, 0x00});
    expect_cut_frames(add_transport(add_ipv4(tagged, udp), 8), 42, 50, Protocol::udp);
    Frame plain = ethernet({0x86, 0xdd});
    expect_cut_frames(add_transport(add_ipv6(plain, tcp), 20), 54, 74, Protocol::tcp);
    Frame extended = ethernet({0x86, 0xdd});
    add_hop_by_hop(add_ipv6(extended, 0), 60);
    add_routing_type_2(add_home_option(extended, 43), udp);
    expect_cut_frames(add_transport(extended, 8), 54, 126, Protocol::udp);
}

TEST(FlowOf, SurvivesAnything) {
    RandomFlows random(15);
    Frame extended = ethernet({0x86, 0xdd});
    add_hop_by_hop(add_ipv6(extended, 0), 60);
    add_transport(add_routing_type_2(add_home_option(extended, 43), udp), 8);
    unsigned flows = 0;
    for (unsigned round = 0; round < 20000; ++round) {
        Frame frame = round % 2 == 0 ? extended : ipv4_frame(tcp, 0, 5);
        frame.resize(random.number(static_cast<unsigned>(frame.size()) + 1));
        frame.shrink_to_fit();
        for (unsigned change = 0; change < 4 && frame.size() > 14; ++change)
            frame[14 + random.number(static_cast<unsigned>(frame.size()) - 14)] =
                static_cast<std::byte>(random.number(256));
        flows += flow_of(frame).has_value() ? 1 : 0;
    }
    EXPECT_GT(flows, 1000u);
    EXPECT_LT(flows, 20000u);
}

TEST(FlowOf, ALongChainOfHeadersEnds) {
    Frame frame = ethernet({0x86, 0xdd});
    add_ipv6(frame, 60);
    for (unsigned i = 0; i < 8000; ++i) add(frame, {60, 0, 1, 4, 0, 0, 0, 0});
    EXPECT_EQ(flow_of(frame), without_ports(v6_peer, v6_here));
}

TEST(Address, FromText) {
    EXPECT_EQ(Address::parse("192.0.2.1"), v4_peer);
    EXPECT_TRUE(Address::parse("0.0.0.0").is_v4());
    EXPECT_EQ(Address::parse("0.0.0.0"), Address());
    EXPECT_EQ(Address::parse("2001:db8::1"), Address::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
    EXPECT_FALSE(Address::parse("::").is_v4());
    EXPECT_NE(Address::parse("::"), Address());
    EXPECT_EQ(v4_peer.bytes().size(), 4u);
    EXPECT_EQ(v6_peer.bytes().size(), 16u);
}

TEST(Address, BadTextIsNamed) {
    using std::string_literals::operator""s;
    for (const std::string& text : {""s, "192.0.2"s, "192.0.2.256"s, "2001:db8:::1"s, "localhost"s, "10.0.0.1/8"s,
                                    "10.0.0.1 "s, "10.0.0.1\0x"s}) {
        try {
            static_cast<void>(Address::parse(text));
            ADD_FAILURE() << "accepted " << text;
        } catch (const std::invalid_argument& error) {
            EXPECT_EQ(std::string(error.what()).find('"' + std::string(text.c_str())), 0u) << error.what();
        }
    }
}

}  // namespace
}  // namespace vmq::steering
