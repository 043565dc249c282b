// Which hash a flow has and which pair it arrives on.
#include <set>

#include <gtest/gtest.h>

#include <vmq/steering.hpp>

#include "tests/unit/affinity/random_flows.hpp"
#include "tests/unit/affinity/rss_vectors.hpp"

namespace vmq::steering {
namespace {

constexpr std::uint32_t every_type = (hash_types::udp_ex << 1) - 1;
constexpr std::uint32_t plain_types = hash_types::ip_ex - 1;

RssConfig config_of(std::uint32_t types) {
    return {.hash_types = types, .key = default_key(40), .table = equal_table(128, 4), .unclassified_pair = 3};
}

Flow flow_of_vector(const RssVector& vector, Protocol protocol) {
    return {.source = Address::parse(vector.source),
            .destination = Address::parse(vector.destination),
            .protocol = protocol,
            .source_port = vector.source_port,
            .destination_port = vector.destination_port};
}

Flow flow_between(const char* source, const char* destination, Protocol protocol) {
    return {.source = Address::parse(source),
            .destination = Address::parse(destination),
            .protocol = protocol,
            .source_port = 4000,
            .destination_port = 80};
}

Flow v4_flow(Protocol protocol) { return flow_between("192.0.2.1", "198.51.100.7", protocol); }
Flow v6_flow(Protocol protocol) { return flow_between("2001:db8::1", "2001:db8::7", protocol); }

HashReport report_for(std::uint32_t types, const Flow& flow) { return hash_of(config_of(types), flow).report; }

TEST(Steering, HashesThePublishedFlows) {
    const RssConfig config = config_of(every_type);
    for (const RssVector& vector : rss_vectors) {
        for (const Protocol protocol : {Protocol::tcp, Protocol::udp})
            EXPECT_EQ(hash_of(config, flow_of_vector(vector, protocol)).value, vector.ports_hash) << vector.source;
        EXPECT_EQ(hash_of(config, flow_of_vector(vector, Protocol::other)).value, vector.addresses_hash)
            << vector.source;
    }
}

TEST(Steering, TheTransportsTypeGoesBeforeTheAddresses) {
    using namespace hash_types;
    EXPECT_EQ(report_for(every_type, v4_flow(Protocol::tcp)), HashReport::tcpv4);
    EXPECT_EQ(report_for(every_type, v4_flow(Protocol::udp)), HashReport::udpv4);
    EXPECT_EQ(report_for(every_type, v4_flow(Protocol::other)), HashReport::ipv4);
    EXPECT_EQ(report_for(ipv4 | udpv4, v4_flow(Protocol::tcp)), HashReport::ipv4);
    EXPECT_EQ(report_for(ipv4 | tcpv4, v4_flow(Protocol::udp)), HashReport::ipv4);
    EXPECT_EQ(report_for(tcpv4, v4_flow(Protocol::tcp)), HashReport::tcpv4);
    EXPECT_EQ(report_for(tcpv4, v4_flow(Protocol::udp)), HashReport::none);
    EXPECT_EQ(report_for(tcpv4 | udpv4, v4_flow(Protocol::other)), HashReport::none);
    EXPECT_EQ(report_for(every_type & ~(ipv4 | tcpv4 | udpv4), v4_flow(Protocol::tcp)), HashReport::none);

    EXPECT_EQ(report_for(plain_types, v6_flow(Protocol::tcp)), HashReport::tcpv6);
    EXPECT_EQ(report_for(plain_types, v6_flow(Protocol::udp)), HashReport::udpv6);
    EXPECT_EQ(report_for(plain_types, v6_flow(Protocol::other)), HashReport::ipv6);
    EXPECT_EQ(report_for(ipv6 | udpv6, v6_flow(Protocol::tcp)), HashReport::ipv6);
    EXPECT_EQ(report_for(tcpv6, v6_flow(Protocol::other)), HashReport::none);
    EXPECT_EQ(report_for(ipv4 | tcpv4 | udpv4, v6_flow(Protocol::tcp)), HashReport::none);
}

TEST(Steering, AnExtendedTypeGoesBeforeThePlainOne) {
    using namespace hash_types;
    EXPECT_EQ(report_for(every_type, v6_flow(Protocol::tcp)), HashReport::tcpv6_ex);
    EXPECT_EQ(report_for(every_type, v6_flow(Protocol::udp)), HashReport::udpv6_ex);
    EXPECT_EQ(report_for(every_type, v6_flow(Protocol::other)), HashReport::ipv6_ex);
    EXPECT_EQ(report_for(tcpv6 | ip_ex, v6_flow(Protocol::tcp)), HashReport::tcpv6);
    EXPECT_EQ(report_for(ipv6 | ip_ex | udp_ex, v6_flow(Protocol::tcp)), HashReport::ipv6_ex);
    EXPECT_EQ(report_for(every_type, v4_flow(Protocol::tcp)), HashReport::tcpv4);
}

TEST(Steering, OnlyExtendedTypesCoverTheAddressesOfExtensionHeaders) {
    for (const Protocol protocol : {Protocol::tcp, Protocol::udp, Protocol::other}) {
        const Flow bare = v6_flow(protocol);
        Flow mobile = bare;
        mobile.home_address = Address::parse("2001:db8:1::5");
        mobile.routing_address = Address::parse("2001:db8:2::6");
        Flow moved = bare;
        moved.source = *mobile.home_address;
        moved.destination = *mobile.routing_address;

        const RssConfig plain = config_of(plain_types);
        const RssConfig extended = config_of(every_type);
        EXPECT_EQ(hash_of(plain, bare).value, hash_of(extended, bare).value);
        EXPECT_EQ(hash_of(plain, mobile).value, hash_of(plain, bare).value);
        EXPECT_EQ(hash_of(extended, mobile).value, hash_of(extended, moved).value);
        EXPECT_NE(hash_of(extended, mobile).value, hash_of(extended, bare).value);
        mobile.routing_address.reset();
        moved.destination = bare.destination;
        EXPECT_EQ(hash_of(extended, mobile).value, hash_of(extended, moved).value);
    }
}

TEST(Steering, TheTablesFormGivesTheSame) {
    RandomFlows random(4);
    for (unsigned round = 0; round < 500; ++round) {
        RssConfig config = config_of(random.number(every_type + 1));
        config.key = random.bytes(40);
        const Flow flow = random.flow();
        const PacketHash hash = hash_of(config, flow);
        const PacketHash from_tables = hash_of(Toeplitz(config.key), config.hash_types, flow);
        EXPECT_EQ(from_tables.value, hash.value);
        EXPECT_EQ(from_tables.report, hash.report);
    }
}

TEST(Steering, TheTableSaysThePair) {
    RandomFlows random(5);
    RssConfig config = config_of(every_type);
    std::set<unsigned> seen;
    for (unsigned round = 0; round < 500; ++round) {
        const Flow flow = random.flow();
        const unsigned pair = queue_for(config, flow);
        EXPECT_EQ(pair, hash_of(config, flow).value % 128 % 4);
        EXPECT_EQ(queue_for(config, hash_of(config, flow)), pair);
        seen.insert(pair);
    }
    EXPECT_EQ(seen.size(), 4u);
    config.table = {2};
    EXPECT_EQ(queue_for(config, random.flow()), 2u);
}

TEST(Steering, WhatIsNotHashedArrivesOnTheUnclassifiedPair) {
    EXPECT_EQ(queue_for(config_of(0), v4_flow(Protocol::tcp)), 3u);
    EXPECT_EQ(queue_for(config_of(hash_types::tcpv6), v4_flow(Protocol::tcp)), 3u);
    Flow mixed = v4_flow(Protocol::tcp);
    mixed.destination = Address::parse("2001:db8::7");
    EXPECT_EQ(hash_of(config_of(every_type), mixed).report, HashReport::none);
    RssConfig unsteered = config_of(every_type);
    unsteered.table.clear();
    EXPECT_EQ(queue_for(unsteered, v4_flow(Protocol::tcp)), 3u);
}

TEST(Steering, ASymmetricKeyHashesBothDirectionsAlike) {
    RandomFlows random(6);
    RssConfig config = config_of(every_type);
    unsigned different_with_another_key = 0;
    for (unsigned round = 0; round < 1000; ++round) {
        const Flow flow = random.flow();
        Flow reversed = flow;
        std::swap(reversed.source, reversed.destination);
        std::swap(reversed.source_port, reversed.destination_port);
        config.key = symmetric_key(round % 2 == 0 ? 40 : 52);
        EXPECT_EQ(hash_of(config, flow).value, hash_of(config, reversed).value);
        EXPECT_EQ(queue_for(config, flow), queue_for(config, reversed));
        config.key = default_key(40);
        if (hash_of(config, flow).value != hash_of(config, reversed).value) ++different_with_another_key;
    }
    EXPECT_GT(different_with_another_key, 900u);
}

TEST(Steering, ASymmetricKeyStillUsesEveryPair) {
    RandomFlows random(7);
    RssConfig config = config_of(every_type);
    config.key = symmetric_key(40);
    std::array<unsigned, 4> packets{};
    for (unsigned round = 0; round < 4000; ++round) ++packets[queue_for(config, random.flow())];
    for (const unsigned count : packets) EXPECT_NEAR(count, 1000, 200);
}

}  // namespace
}  // namespace vmq::steering
