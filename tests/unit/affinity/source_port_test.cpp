// Ports found by algebra against the hash itself.
#include <gtest/gtest.h>

#include <vmq/steering.hpp>

#include "tests/unit/affinity/random_flows.hpp"

namespace vmq::steering {
namespace {

constexpr std::uint32_t every_type = (hash_types::udp_ex << 1) - 1;

// Every port of the range with which the flow arrives on the pair, by trying each.
std::vector<unsigned> ports_by_trial(const RssConfig& config, unsigned pair, Flow flow, PortRange range) {
    const Toeplitz tables(config.key);
    std::vector<unsigned> ports;
    for (unsigned port = range.first; port <= range.last; ++port) {
        flow.destination_port = static_cast<std::uint16_t>(port);
        if (queue_for(config, hash_of(tables, config.hash_types, flow)) == pair) ports.push_back(port);
    }
    return ports;
}

// The same by asking for one after the other.
std::vector<unsigned> ports_by_algebra(const RssConfig& config, unsigned pair, const Flow& flow, PortRange range) {
    std::vector<unsigned> ports;
    while (const auto port = source_port_for(config, pair, flow, range)) {
        ports.push_back(*port);
        range.first = *port + 1u;
    }
    return ports;
}

void expect_every_pair_reached(RandomFlows& random, const RssConfig& config, unsigned pairs, const Flow& flow) {
    for (unsigned pair = 0; pair < pairs; ++pair) {
        const PortRange range{.first = 49152 + random.number(8000)};
        const auto port = source_port_for(config, pair, flow, range);
        ASSERT_TRUE(port.has_value()) << pair;
        EXPECT_GE(*port, range.first);
        Flow with_port = flow;
        with_port.destination_port = *port;
        EXPECT_EQ(queue_for(config, with_port), pair);
    }
}

TEST(SourcePort, BringsThePeersPacketsToEveryPair) {
    RandomFlows random(8);
    const std::vector<unsigned> weights{5, 1, 1, 9, 2};
    for (unsigned peer = 0; peer < 1000; ++peer) {
        const Flow flow = random.flow();
        for (const auto& key : {default_key(40), symmetric_key(40), random.bytes(40)}) {
            RssConfig config{.hash_types = every_type, .key = key, .table = equal_table(128, 8)};
            expect_every_pair_reached(random, config, 8, flow);
            config.table = weighted_table(128, weights);
            expect_every_pair_reached(random, config, 5, flow);
        }
    }
}

TEST(SourcePort, FindsExactlyThePortsThatTrialFinds) {
    RandomFlows random(9);
    for (unsigned peer = 0; peer < 12; ++peer) {
        RssConfig config{.hash_types = every_type, .key = random.bytes(40), .table = equal_table(128, 16)};
        if (peer % 3 == 1) config.table = weighted_table(64, {1, 0, 7, 3});
        if (peer % 3 == 2) config.table = weighted_table(512, {500, 1, 1, 40});
        const Flow flow = random.flow();
        for (unsigned pair = 0; pair < 4; ++pair) {
            const unsigned first = random.number(60000);
            const PortRange range{.first = first, .last = first + 500 + random.number(1500)};
            EXPECT_EQ(ports_by_algebra(config, pair, flow, range), ports_by_trial(config, pair, flow, range));
        }
    }
}

// Keys whose port bits depend on each other: a short one, one of few bits, one period.
TEST(SourcePort, FindsExactlyThePortsThatTrialFindsWithPoorKeys) {
    RandomFlows random(10);
    std::vector<std::uint8_t> sparse(40);
    sparse[12] = 0x11;
    for (const auto& key :
         {random.bytes(12), random.bytes(37), sparse, symmetric_key(40), std::vector<std::uint8_t>(40, 0xff)}) {
        const RssConfig config{.hash_types = every_type, .key = key, .table = equal_table(128, 8)};
        for (unsigned peer = 0; peer < 3; ++peer) {
            const Flow flow = random.flow();
            const PortRange range{.first = 50000, .last = 53000};
            for (unsigned pair = 0; pair < 8; ++pair)
                EXPECT_EQ(ports_by_algebra(config, pair, flow, range), ports_by_trial(config, pair, flow, range));
        }
    }
}

TEST(SourcePort, APairThatCannotBeReachedHasNone) {
    RandomFlows random(11);
    RssConfig config{.hash_types = every_type, .key = default_key(40), .table = weighted_table(128, {3, 0, 5})};
    const Flow flow = random.flow();
    EXPECT_TRUE(source_port_for(config, 0, flow).has_value());
    EXPECT_EQ(source_port_for(config, 1, flow), std::nullopt) << "weight 0";
    EXPECT_EQ(source_port_for(config, 3, flow), std::nullopt) << "no such pair";
    config.key.assign(40, 0);
    EXPECT_TRUE(source_port_for(config, 0, flow).has_value()) << "every hash is 0";
    EXPECT_EQ(source_port_for(config, 2, flow), std::nullopt) << "every hash is 0";
    config.table.clear();
    EXPECT_EQ(source_port_for(config, 0, flow), std::nullopt) << "the device does not steer by the hash";
}

TEST(SourcePort, StaysInTheRange) {
    RandomFlows random(12);
    const RssConfig config{.hash_types = every_type, .key = default_key(40), .table = equal_table(128, 4)};
    const Flow flow = random.flow();
    const unsigned port = source_port_for(config, 2, flow).value();
    EXPECT_GE(port, 49152u);
    EXPECT_EQ(source_port_for(config, 2, flow, {port, port}), port);
    EXPECT_EQ(source_port_for(config, 2, flow, {port, port - 1}), std::nullopt);
    EXPECT_EQ(source_port_for(config, 2, flow, {49152, port - 1}), std::nullopt) << "it was the lowest";
    EXPECT_EQ(source_port_for(config, 2, flow, {.first = 65536, .last = 70000}), std::nullopt);
    EXPECT_EQ(ports_by_algebra(config, 2, flow, {.first = 60000, .last = 4000000000}),
              ports_by_trial(config, 2, flow, {.first = 60000, .last = 65535}));
}

TEST(SourcePort, WherePortsAreNotHashedEveryPortOrNoneWillDo) {
    const RssConfig config{.hash_types = hash_types::ipv4 | hash_types::ipv6,
                           .key = default_key(40),
                           .table = equal_table(128, 4),
                           .unclassified_pair = 1};
    RandomFlows random(13);
    for (unsigned peer = 0; peer < 50; ++peer) {
        const Flow flow = random.flow();
        for (unsigned pair = 0; pair < 4; ++pair) {
            const auto port = source_port_for(config, pair, flow, {.first = 50000});
            EXPECT_EQ(port, queue_for(config, flow) == pair ? std::optional<std::uint16_t>(50000) : std::nullopt);
        }
    }
    RssConfig unhashed = config;
    unhashed.hash_types = 0;
    EXPECT_EQ(source_port_for(unhashed, 1, random.flow()), 49152);
    EXPECT_EQ(source_port_for(unhashed, 0, random.flow()), std::nullopt);
    EXPECT_EQ(source_port_for(unhashed, 1, random.flow(), {.first = 65536, .last = 65537}), std::nullopt);
}

}  // namespace
}  // namespace vmq::steering
