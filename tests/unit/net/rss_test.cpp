// Receive-side scaling: what the device is told, what becomes of it when pairs come and go, and the hashes of packets.
#include <algorithm>
#include <set>

#include <vmq/steering.hpp>

#include "tests/unit/net/resize_fixture.hpp"

namespace vmq {
namespace {

using Answer = software::ControlBehaviour::Answer;
using virtio::Feature;

class NetRss : public NetResize {
protected:
    static software::NetConfig with_rss() {
        software::NetConfig config;
        config.features.add(Feature::rss);
        config.features.add(Feature::hash_report);
        return config;
    }
    std::error_code set(const RssSettings& settings, std::string* what = nullptr) {
        return error_of([&] { vmq->set_rss(settings); }, what);
    }
    // The device and the driver are of one mind.
    void expect_table(const std::vector<std::uint16_t>& table) {
        EXPECT_EQ(device->rss().table, table);
        const RssConfig config = vmq->rss().config;
        EXPECT_EQ(config.table, table);
        EXPECT_EQ(config.key, device->rss().key);
        EXPECT_EQ(config.hash_types, device->rss().hash_types);
    }
};

TEST_F(NetRss, IsSetFromTheStartWithEqualSharesAndARandomKey) {
    options.queue_pairs = 3;
    open(with_rss());
    expect_table(steering::equal_table(128, 3));
    EXPECT_EQ(device->pairs_in_use(), 3u);
    const RssInfo first = vmq->rss();
    EXPECT_EQ(first.limits.key_size, 40u);
    EXPECT_EQ(first.limits.table_length, 128u);
    EXPECT_EQ(first.limits.hash_types, 0x3fu);
    EXPECT_EQ(first.config.hash_types, 0x3fu);
    EXPECT_EQ(first.config.key.size(), 40u);
    EXPECT_TRUE(first.settings.weights.empty());
    open(with_rss());
    EXPECT_NE(vmq->rss().config.key, first.config.key);
}

TEST_F(NetRss, OnePairIsToldToo) {
    open(with_rss());
    expect_table(std::vector<std::uint16_t>(128, 0));
}

TEST_F(NetRss, TheTableFollowsTheNumberOfPairs) {
    open(with_rss());
    for (const unsigned count : {4u, 2u, 3u, 1u}) {
        EXPECT_FALSE(resize(count)) << count;
        expect_pairs(count);
        EXPECT_EQ(device->pairs_in_use(), count);
        expect_table(steering::equal_table(128, count));
    }
}

TEST_F(NetRss, WeightsLastWhilePairsComeAndGo) {
    options.queue_pairs = 3;
    open(with_rss());
    EXPECT_FALSE(set({.weights = {3, 1}}));
    expect_table(steering::weighted_table(128, std::vector<unsigned>{3, 1, 0}));
    EXPECT_FALSE(resize(4));
    expect_table(steering::weighted_table(128, std::vector<unsigned>{3, 1, 0, 0}));
    EXPECT_FALSE(resize(1));
    expect_table(std::vector<std::uint16_t>(128, 0));
    EXPECT_FALSE(resize(2));
    expect_table(steering::weighted_table(128, std::vector<unsigned>{3, 1}));
    EXPECT_FALSE(set({}));
    expect_table(steering::equal_table(128, 2));
}

TEST_F(NetRss, PairsThatTheWeightsNeedStay) {
    options.queue_pairs = 2;
    open(with_rss());
    EXPECT_FALSE(set({.weights = {0, 1}}));
    std::string what;
    EXPECT_EQ(resize(1, &what), make_error_code(Errc::out_of_range));
    EXPECT_NE(what.find("weight"), std::string::npos) << what;
    expect_pairs(2);
    expect_table(std::vector<std::uint16_t>(128, 1));
}

TEST_F(NetRss, APairThatTheUsersTableNamesStays) {
    options.queue_pairs = 4;
    open(with_rss());
    const std::vector<std::uint16_t> table{0, 2, 1, 2};
    EXPECT_FALSE(set({.table = table}));
    expect_table(table);
    EXPECT_FALSE(resize(3));
    expect_table(table);
    const auto commands = device->commands();
    std::string what;
    EXPECT_EQ(resize(2, &what), make_error_code(Errc::out_of_range));
    EXPECT_NE(what.find("queue pair 2"), std::string::npos) << what;
    EXPECT_EQ(device->commands(), commands) << "the device was not asked";
    expect_pairs(3);
    EXPECT_FALSE(set({}));
    EXPECT_FALSE(resize(2));
}

TEST_F(NetRss, AKeyIsTakenAndKept) {
    open(with_rss());
    const auto key = steering::symmetric_key(40);
    EXPECT_FALSE(set({.key = key}));
    EXPECT_EQ(device->rss().key, key);
    EXPECT_FALSE(set({.hash_types = hash_types::ipv4}));
    EXPECT_EQ(device->rss().key, key);
    EXPECT_EQ(device->rss().hash_types, hash_types::ipv4);
    EXPECT_FALSE(resize(4));
    EXPECT_EQ(device->rss().key, key);
}

TEST_F(NetRss, WhatTheDeviceCannotDoIsRefusedByName) {
    options.queue_pairs = 2;
    open(with_rss());
    const auto before = device->commands();
    const struct {
        RssSettings settings;
        const char* words;
    } bad[] = {{{.hash_types = hash_types::ip_ex}, "hash types"},
               {{.key = std::vector<std::uint8_t>(41)}, "41 bytes"},
               {{.weights = {1, 1, 1}}, "3 weights"},
               {{.weights = {0, 0}}, "weight"},
               {{.table = {0, 1, 0}}, "power of two"},
               {{.table = std::vector<std::uint16_t>(256)}, "256 entries"},
               {{.table = {0, 2}}, "queue pair 2"},
               {{.weights = {1}, .table = {0}}, "not both"}};
    for (const auto& [settings, words] : bad) {
        std::string what;
        EXPECT_EQ(set(settings, &what), make_error_code(Errc::out_of_range)) << words;
        EXPECT_NE(what.find(words), std::string::npos) << what;
    }
    EXPECT_EQ(device->commands(), before);
    expect_table(steering::equal_table(128, 2));
}

TEST_F(NetRss, ARefusalLeavesEverythingAsItWas) {
    options.queue_pairs = 2;
    open(with_rss());
    const RssInfo before = vmq->rss();
    device->set_control({.answer = Answer::refuse});
    EXPECT_EQ(set({.key = steering::symmetric_key(40), .weights = {1}}), make_error_code(Errc::device_refused));
    EXPECT_EQ(resize(1), make_error_code(Errc::device_refused));
    EXPECT_EQ(resize(4), make_error_code(Errc::device_refused));
    device->set_control({});
    expect_pairs(2);
    expect_table(before.config.table);
    EXPECT_EQ(vmq->rss().config.key, before.config.key);
    EXPECT_TRUE(vmq->rss().settings.weights.empty());
}

TEST_F(NetRss, FlowsLeaveAPairBeforeItGoes) {
    options.queue_pairs = 4;
    options.settle_limit = 1500ms;
    open(with_rss());
    const auto before = device->commands();
    EXPECT_FALSE(resize(2));
    EXPECT_EQ(device->commands(), before + 2) << "first the table, then the number";
    expect_table(steering::equal_table(128, 2));
}

TEST_F(NetRss, OddTablesAndLongKeysFitTheControlQueue) {
    software::NetConfig config = with_rss();
    config.config.rss_key_size = 255;
    config.config.rss_table_length = 60000;
    options.queue_pairs = 4;
    open(config);
    expect_table(steering::equal_table(512, 4));
    EXPECT_EQ(device->rss().key.size(), 255u);
    config.config.rss_table_length = 200;
    open(config);
    expect_table(steering::equal_table(128, 4));
}

TEST_F(NetRss, LimitsThatMakeNoSenseMeanWithout) {
    for (const bool key : {true, false}) {
        software::NetConfig config = with_rss();
        if (key) config.config.rss_key_size = 39;
        if (!key) config.config.rss_table_length = 127;
        open(config);
        EXPECT_FALSE(device->features().has(Feature::rss));
        EXPECT_FALSE(device->features().has(Feature::hash_report));
        EXPECT_TRUE(logged("limits for RSS"));
        EXPECT_FALSE(resize(4));
    }
}

TEST_F(NetRss, WithoutTheFeatureItSaysSo) {
    open();
    EXPECT_EQ(error_of([&] { static_cast<void>(vmq->rss()); }), make_error_code(Errc::unsupported));
    EXPECT_EQ(set({}), make_error_code(Errc::unsupported));
}

TEST_F(NetRss, HashesAloneAreConfiguredToo) {
    open(without(with_rss(), Feature::rss));
    EXPECT_EQ(device->rss().hash_types, 0x3fu);
    EXPECT_EQ(device->rss().key, vmq->rss().config.key);
    EXPECT_FALSE(set({.key = steering::symmetric_key(40)}));
    EXPECT_EQ(device->rss().key, steering::symmetric_key(40));
    EXPECT_EQ(set({.weights = {1}}), make_error_code(Errc::unsupported));
    EXPECT_FALSE(resize(4));
    EXPECT_EQ(device->pairs_in_use(), 4u);
}

// 5.1.4: the table's length is a field of RSS alone.
TEST_F(NetRss, HashesAloneNeedNoTable) {
    software::NetConfig config = without(with_rss(), Feature::rss);
    config.config.rss_table_length = 0;
    open(config);
    EXPECT_TRUE(device->features().has(Feature::hash_report));
    EXPECT_EQ(device->rss().hash_types, 0x3fu);
    EXPECT_EQ(vmq->rss().limits.table_length, 0u);
}

class NetHash : public NetRss, public ::testing::WithParamInterface<std::tuple<bool, bool>> {
protected:
    static software::NetConfig config() {
        software::NetConfig config = with_rss();
        const auto [packed, mergeable] = GetParam();
        if (packed) config.features.add(Feature::ring_packed);
        if (!mergeable) config.features.remove(Feature::mrg_rxbuf);
        return config;
    }
};

TEST_P(NetHash, IsWhatTheDeviceReports) {
    open(config());
    QueuePair pair = vmq->take_queue_pair(0);
    Batch batch;
    for (unsigned round = 0; round < 40; ++round) {
        const unsigned reports = static_cast<unsigned>(HashReport::udpv6_ex) + 1;
        for (unsigned i = 0; i < reports; ++i) {
            const PacketHash hash{0x01020304u * (round + i), static_cast<HashReport>(i)};
            ASSERT_TRUE(device->inject(0, software::make_frame({i, round}, 60 + i), {.hash = hash}));
        }
        ASSERT_EQ(pair.recv(batch), reports);
        for (unsigned i = 0; i < reports; ++i) {
            EXPECT_EQ(batch[i].bytes().size(), 60 + i);
            EXPECT_EQ(batch[i].hash().report, static_cast<HashReport>(i));
            EXPECT_EQ(batch[i].hash().value, 0x01020304u * (round + i));
            EXPECT_EQ(batch[i].headroom(), 108u);
        }
    }
}

TEST_P(NetHash, OfAKindThatDoesNotExistIsNone) {
    open(config());
    QueuePair pair = vmq->take_queue_pair(0);
    Batch batch;
    ASSERT_TRUE(device->inject(0, software::make_frame({1, 1}, 60), {.hash = {7, static_cast<HashReport>(10)}}));
    ASSERT_EQ(pair.recv(batch), 1u);
    EXPECT_EQ(batch[0].hash().report, HashReport::none);
    EXPECT_EQ(batch[0].hash().value, 0u);
}

TEST_P(NetHash, IsNoneWhereItWasNotNegotiated) {
    open(without(config(), Feature::hash_report));
    QueuePair pair = vmq->take_queue_pair(0);
    Batch batch;
    ASSERT_TRUE(device->inject(0, software::make_frame({1, 1}, 60), {.hash = {7, HashReport::ipv4}}));
    ASSERT_EQ(pair.recv(batch), 1u);
    EXPECT_EQ(batch[0].hash().report, HashReport::none);
    EXPECT_EQ(batch[0].headroom(), 116u);
}

INSTANTIATE_TEST_SUITE_P(Rings, NetHash, ::testing::Combine(::testing::Bool(), ::testing::Bool()),
                         [](const auto& test) {
                             return std::string(std::get<0>(test.param) ? "Packed" : "Split") +
                                    (std::get<1>(test.param) ? "Mergeable" : "");
                         });

}  // namespace
}  // namespace vmq
