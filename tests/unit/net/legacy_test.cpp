// Legacy (0.9.5) devices: what is negotiated with them, their rings' size, and headers in descriptors of their own.
#include "tests/unit/net/fixture.hpp"

namespace vmq {
namespace {

using software::Frame;
using software::make_frame;
using virtio::Feature;
using virtio::FeatureSet;

class NetLegacy : public NetTest {
protected:
    static software::NetConfig legacy_config() {
        software::NetConfig config;
        config.legacy = true;
        config.features.add(Feature::any_layout);
        config.features.add(Feature::indirect_desc);
        config.features.add(Feature::ring_packed);  // beyond what such a device can say
        return config;
    }

    // Packets both ways, so many that every ring goes round many times.
    void exchange(QueuePair& pair, std::uint64_t packets) {
        Batch batch;
        for (std::uint64_t i = 0; i < packets;) {
            const std::uint64_t first = i;
            for (; i < first + 20; ++i)
                ASSERT_TRUE(add_frame(pair, batch, make_frame({.flow = 2, .sequence = i}, 60 + i % 1400)));
            send_all(pair, batch, [&] { device->step(); });
            device->step();
            const auto sent = device->take_transmitted(pair.index());
            ASSERT_EQ(sent.size(), 20u);
            for (std::uint64_t k = 0; k < 20; ++k) {
                ASSERT_EQ(sent[k], make_frame({.flow = 2, .sequence = first + k}, 60 + (first + k) % 1400));
                ASSERT_TRUE(device->inject(pair.index(), sent[k]));
            }
            std::size_t received = 0;
            while (received < sent.size()) {
                ASSERT_NE(pair.recv(batch), 0u) << "packet " << first + received;
                for (Packet& packet : batch) ASSERT_EQ(bytes_of(packet), sent[received++]);
            }
            batch.clear();
        }
        EXPECT_EQ(stats(pair.index()).drops(), 0u);
        EXPECT_EQ(stats(pair.index()).tx_rejected, 0u);
    }
};

TEST_F(NetLegacy, HasThirtyTwoFeaturesAndNeedsNoVersion1) {
    const Info info = open(legacy_config()).info();
    const FeatureSet features{info.negotiated_features};
    EXPECT_EQ(info.device_features >> 32, 0u);
    EXPECT_TRUE(features.has(Feature::any_layout));
    EXPECT_TRUE(features.has(Feature::mq));
    EXPECT_TRUE(features.has(Feature::indirect_desc));
    EXPECT_EQ(info.ring_layout, "split");
    EXPECT_EQ(device->status(),
              virtio::device_status::acknowledge | virtio::device_status::driver | virtio::device_status::driver_ok);
}

TEST_F(NetLegacy, AnyLayoutIsNotForModernDevices) {
    software::NetConfig config = legacy_config();
    config.legacy = false;
    EXPECT_FALSE(FeatureSet{open(config).info().negotiated_features}.has(Feature::any_layout));
}

TEST_F(NetLegacy, TheDeviceSaysHowLargeTheRingsAre) {
    software::NetConfig config = legacy_config();
    config.queue_size = 2048;
    config.queue_sizes[8] = 128;  // the control queue
    options.ring_size = 64;
    options.queue_pairs = 4;
    EXPECT_EQ(open(config).info().ring_size, 2048u);
    EXPECT_TRUE(logged("ring_size is ignored"));
}

TEST_F(NetLegacy, TheHeaderHasTenBytesWithoutMergeableBuffers) {
    for (const bool merges : {false, true}) {
        software::NetConfig config = legacy_config();
        if (!merges) config.features.remove(Feature::mrg_rxbuf);
        QueuePair pair = open(config).take_queue_pair(0);
        Batch batch;
        ASSERT_EQ(pair.allocate(batch, 1), 1u);
        EXPECT_EQ(batch[0].headroom(), merges ? 128u - 12 : 128u - 10);
        const std::size_t all = batch[0].headroom();
        EXPECT_EQ(batch[0].prepend(all).size(), all);
        batch.clear();
        exchange(pair, 2000);
    }
}

// 5.1.6.6. The device checks it.
TEST_F(NetLegacy, WithoutAnyLayoutTheHeaderHasADescriptorOfItsOwn) {
    for (const bool offered : {false, true}) {
        software::NetConfig config = legacy_config();
        if (!offered) config.features.remove(Feature::any_layout);
        options.refused_features = {"ANY_LAYOUT"};
        options.queue_pairs = 2;
        Device& opened = open(config);
        const FeatureSet features{opened.info().negotiated_features};
        EXPECT_FALSE(features.has(Feature::any_layout));
        EXPECT_FALSE(features.has(Feature::mrg_rxbuf));
        EXPECT_FALSE(features.has(Feature::indirect_desc));
        opened.set_queue_pairs(3);
        EXPECT_EQ(device->pairs_in_use(), 3u);
        QueuePair pair = opened.take_queue_pair(1);
        exchange(pair, 2000);
    }
}

// The device checks this, too: the two tables have a descriptor each.
TEST_F(NetLegacy, WithoutAnyLayoutCommandsAreFramed) {
    software::NetConfig config = legacy_config();
    config.features.add(Feature::ctrl_rx);
    config.features.add(Feature::ctrl_vlan);
    options.refused_features = {"ANY_LAYOUT"};
    Device& opened = open(config);
    const MacAddress one{2, 0, 0, 0, 0, 1};
    const MacAddress group{1, 0, 0x5e, 0, 0, 5};
    for (const MacFilters& filters : {MacFilters{{one, {2, 0, 0, 0, 0, 2}}, {group}}, MacFilters{{}, {group}},
                                      MacFilters{{one}, {}}, MacFilters{}}) {
        opened.set_mac_filters(filters);
        EXPECT_EQ(device->settings().mac_filters.unicast, filters.unicast);
        EXPECT_EQ(device->settings().mac_filters.multicast, filters.multicast);
    }
    opened.add_vlan(7);
    EXPECT_TRUE(device->settings().vlans.contains(7));
}

// 2.7.8.1: their lengths are known to be wrong.
TEST_F(NetLegacy, TheLengthOfAnAnswerIsNotLookedAt) {
    options.queue_pairs = 1;
    Device& opened = open(legacy_config());
    device->set_control({.length = 0});
    opened.set_queue_pairs(3);
    EXPECT_EQ(device->pairs_in_use(), 3u);
}

TEST_F(NetLegacy, WithoutAnyLayoutAPacketTakesTwoDescriptors) {
    software::NetConfig config = legacy_config();
    config.queue_size = 16;
    options.refused_features = {"ANY_LAYOUT"};
    QueuePair pair = open(config).take_queue_pair(0);
    Batch batch;
    device->with_lane(0, [](software::Lane& lane) {
        lane.receiveq.fetch_all();
        EXPECT_EQ(lane.receiveq.buffers(), 8u);
        lane.completion.hold = true;
    });
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(add_frame(pair, batch, make_frame({.flow = 1, .sequence = 1}, 60)));
    EXPECT_EQ(pair.send(batch), 8u);
    EXPECT_EQ(batch.size(), 2u);
    device->with_lane(0, [](software::Lane& lane) {
        lane.process_transmitq();
        EXPECT_EQ(lane.transmitq.held(), 8u);
        lane.transmitq.complete_held({}, 1);
    });
    EXPECT_EQ(pair.send(batch), 1u);
}

}  // namespace
}  // namespace vmq
