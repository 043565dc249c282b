// A device that breaks the rules: each fault is counted, breaks its own pair at most, and nothing else.
#include "tests/unit/net/fixture.hpp"

namespace vmq {
namespace {

using software::Delivery;
using software::Lane;
using software::make_frame;
using virtio::Feature;

// With split rings, and with packed ones.
class NetFaults : public NetTest, public ::testing::WithParamInterface<bool> {
protected:
    void SetUp() override {
        options.queue_pairs = 2;
        options.ring_size = 64;
        options.buffers_per_pair = 192;
        open(device_config());
        faulty.emplace(vmq->take_queue_pair(0));
        sound.emplace(vmq->take_queue_pair(1));
    }
    void TearDown() override {
        batch.clear();
        other_pair_works();
        faulty.reset();
        sound.reset();
        NetTest::TearDown();
    }
    static software::NetConfig device_config() {
        software::NetConfig config;
        if (GetParam()) config.features.add(Feature::ring_packed);
        return config;
    }
    void other_pair_works() {
        Batch through;
        ASSERT_TRUE(device->inject(1, make_frame({1, 1}, 60)));
        ASSERT_EQ(sound->recv(through), 1u);
        ASSERT_EQ(sound->send(through), 1u);
        device->step();
        EXPECT_EQ(device->take_transmitted(1).size(), 1u);
    }
    // The pair is broken on its receive side, and says so everywhere.
    void expect_broken_receiver() {
        EXPECT_EQ(faulty->recv(batch), 0u);
        EXPECT_EQ(faulty->recv(batch), 0u);
        EXPECT_EQ(faulty->status(), PairState::broken);
        EXPECT_EQ(stats(0).rx_faults, 1u);
        EXPECT_EQ(stats(0).state, PairState::broken);
        EXPECT_EQ(faulty->wait(5s), WakeReason::stopped);
        EXPECT_EQ(sound->status(), PairState::active);
    }
    void inject_good() { ASSERT_TRUE(device->inject(0, make_frame({1, 1}, 60))); }
    void expect_good() {
        inject_good();
        ASSERT_EQ(faulty->recv(batch), 1u);
        EXPECT_EQ(bytes_of(batch[0]), make_frame({1, 1}, 60));
    }
    // Dropped packets give their buffers back: far more of them than there are buffers change nothing.
    template <typename Counter>
    void expect_dropped(const Delivery& delivery, Counter counter, std::size_t length = 60) {
        for (unsigned i = 0; i < 500; ++i) {
            ASSERT_TRUE(device->inject(0, make_frame({1, 1}, length), delivery)) << i;
            ASSERT_EQ(faulty->recv(batch), 0u);
            ASSERT_EQ(stats(0).*counter, i + 1);
        }
        EXPECT_EQ(faulty->status(), PairState::active);
        expect_good();
    }

    std::optional<QueuePair> faulty;
    std::optional<QueuePair> sound;
    Batch batch;
};

// Of what packed rings do not have: ids of 32 bits, and an index.
class NetSplitFaults : public NetFaults {};

// Row 1.
TEST_P(NetFaults, UsedIdOutsideTheRing) {
    device->with_lane(0, [](Lane& lane) { lane.receive_ring.write_used(64, 100); });
    expect_broken_receiver();
}

TEST_P(NetSplitFaults, UsedIdWithHighBits) {
    device->with_lane(0, [](Lane& lane) { lane.receive_ring.write_used(0x10000, 100); });
    expect_broken_receiver();
}

// Row 2. On the transmitq nothing is outstanding.
TEST_P(NetFaults, UsedIdNotOutstandingOnTheTransmitq) {
    ASSERT_TRUE(add_frame(*faulty, batch, make_frame({}, 60)));
    ASSERT_EQ(faulty->send(batch), 1u);
    device->with_lane(0, [](Lane& lane) {
        lane.completion.hold = true;
        lane.process_transmitq();
        lane.transmit_ring.write_used(5, 0);
    });
    // Filling the ring makes the driver look at what was used.
    for (int i = 0; i < 3 && faulty->status() == PairState::active; ++i) {
        while (!batch.full() && add_frame(*faulty, batch, make_frame({}, 60))) continue;
        faulty->send(batch);
    }
    EXPECT_EQ(faulty->status(), PairState::broken);
    EXPECT_EQ(stats(0).tx_faults, 1u);
    EXPECT_EQ(faulty->wait(5s), WakeReason::stopped);
}

TEST_P(NetFaults, ATransmitqThatBreaksUnderASleeperWakesIt) {
    device->with_lane(0, [](Lane& lane) { lane.completion.hold = true; });
    for (int i = 0; i < 3; ++i) {
        while (!batch.full() && add_frame(*faulty, batch, make_frame({}, 60))) continue;
        faulty->send(batch);
        device->step();
    }
    ASSERT_FALSE(batch.empty());
    device->with_lane(0, [](Lane& lane) { lane.transmit_ring.write_used(77, 0); });
    EXPECT_EQ(faulty->wait(5s), WakeReason::stopped);
    EXPECT_EQ(faulty->status(), PairState::broken);
}

// Row 3: the buffer arrives once, then the queue is broken.
TEST_P(NetFaults, TheSameIdTwice) {
    device->with_lane(0, [](Lane& lane) {
        lane.receiveq.fetch_all();
        const auto id = lane.receiveq.take_held();
        ASSERT_TRUE(id);
        lane.receive_ring.write_used(*id, 100);
        lane.receive_ring.write_used(*id, 100);
    });
    // Both in one burst: the good one may be delivered, and only once; its num_buffers says 0, so it is dropped.
    expect_broken_receiver();
    EXPECT_EQ(stats(0).rx_packets + stats(0).rx_drops_bad_header, 1u);
}

// Row 4.
TEST_P(NetFaults, LengthBeyondTheBuffer) { expect_dropped({.used_length = 2049}, &PairStats::rx_drops_oversized); }
TEST_P(NetFaults, LengthFarBeyondTheBuffer) {
    expect_dropped({.used_length = 0xffffffff}, &PairStats::rx_drops_oversized);
}

// Row 5.
TEST_P(NetFaults, LengthZero) { expect_dropped({.used_length = 0}, &PairStats::rx_drops_short); }
TEST_P(NetFaults, LengthShorterThanTheHeader) { expect_dropped({.used_length = 11}, &PairStats::rx_drops_short); }
TEST_P(NetFaults, HeaderOnly) { expect_dropped({.used_length = 12}, &PairStats::rx_drops_short); }

// Row 6.
TEST_P(NetFaults, JunkInTheTransmittedLengthIsIgnored) {
    device->with_lane(0, [](Lane& lane) { lane.completion = {.used_length = 0xdeadbeef, .newest_first = true}; });
    for (int round = 0; round < 50; ++round) {
        for (int i = 0; i < 20; ++i) ASSERT_TRUE(add_frame(*faulty, batch, make_frame({}, 60)));
        ASSERT_EQ(faulty->send(batch), 20u);
        device->step();
    }
    EXPECT_EQ(device->take_transmitted(0).size(), 1000u);
    EXPECT_EQ(faulty->status(), PairState::active);
}

// Row 7.
TEST_P(NetSplitFaults, UsedIndexJumpsAhead) {
    device->with_lane(0, [](Lane& lane) { lane.receive_ring.move_used_index(65); });
    expect_broken_receiver();
}

// Row 8.
TEST_P(NetSplitFaults, UsedIndexGoesBack) {
    expect_good();
    device->with_lane(0, [](Lane& lane) { lane.receive_ring.move_used_index(-1); });
    expect_broken_receiver();
}

// Row 9.
TEST_P(NetFaults, NumBuffersZero) { expect_dropped({.num_buffers = 0}, &PairStats::rx_drops_bad_header); }
TEST_P(NetFaults, NumBuffersHuge) { expect_dropped({.num_buffers = 0xffff}, &PairStats::rx_drops_bad_header); }
TEST_P(NetFaults, NumBuffersWithoutItsTail) { expect_dropped({.num_buffers = 2}, &PairStats::rx_drops_bad_header); }

TEST_P(NetFaults, NumBuffersSwallowsNoMoreThanItsOwn) {
    // A packet that claims three buffers and has one, and two good ones behind it: those two are taken for its tail.
    ASSERT_TRUE(device->inject(0, make_frame({1, 0}, 60), {.num_buffers = 3}));
    inject_good();
    inject_good();
    inject_good();
    ASSERT_EQ(faulty->recv(batch), 2u);
    EXPECT_EQ(batch[0].segment_count(), 3u);
    EXPECT_EQ(bytes_of(batch[1]), make_frame({1, 1}, 60));
}

TEST_P(NetFaults, ATailOfEmptyBuffersIsDropped) {
    device->with_lane(0, [](Lane& lane) {
        ASSERT_TRUE(lane.inject(make_frame({1, 0}, 60), {.num_buffers = 2}));
        const auto id = lane.receiveq.take_held();
        ASSERT_TRUE(id);
        lane.receive_ring.complete(*id, 0);
    });
    EXPECT_EQ(faulty->recv(batch), 0u);
    EXPECT_EQ(stats(0).rx_drops_bad_header, 1u);
    expect_good();
}

// Row 10.
TEST_P(NetFaults, RewrittenDescriptorsChangeNothing) {
    for (int round = 0; round < 5; ++round) {
        device->with_lane(0, [](Lane& lane) {
            lane.receiveq.fetch_all();
            lane.receive_ring.scramble_descriptors();
        });
        for (std::uint64_t i = 0; i < 64; ++i) ASSERT_TRUE(device->inject(0, make_frame({1, i}, 60)));
        ASSERT_EQ(faulty->recv(batch), 64u);
        for (std::uint64_t i = 0; i < 64; ++i) ASSERT_EQ(bytes_of(batch[i]), make_frame({1, i}, 60));
        // The transmitq's too, while the device has the packets.
        device->with_lane(0, [](Lane& lane) { lane.completion.hold = true; });
        ASSERT_EQ(faulty->send(batch), 64u);
        device->with_lane(0, [](Lane& lane) {
            lane.process_transmitq();
            lane.transmit_ring.scramble_descriptors();
            lane.transmitq.complete_held({});
        });
        EXPECT_EQ(device->take_transmitted(0).size(), 64u);
    }
    EXPECT_EQ(faulty->status(), PairState::active);
}

// Row 11: no offload was negotiated, so nothing of it is believed.
TEST_P(NetFaults, ALyingHeaderIsNotBelieved) {
    Delivery delivery;
    delivery.header.flags = 0xff;
    delivery.header.gso_type = 0xff;
    delivery.header.hdr_len = 0xffff;
    delivery.header.gso_size = 0xffff;
    delivery.header.csum_start = 0xffff;
    delivery.header.csum_offset = 0xffff;
    ASSERT_TRUE(device->inject(0, make_frame({1, 1}, 60), delivery));
    ASSERT_EQ(faulty->recv(batch), 1u);
    EXPECT_EQ(bytes_of(batch[0]), make_frame({1, 1}, 60));
    // Sent on, its header says nothing of all that: the device would report a violation.
    ASSERT_EQ(faulty->send(batch), 1u);
    device->step();
    EXPECT_EQ(device->take_transmitted(0).size(), 1u);
}

// Row 12.
TEST_P(NetFaults, ADeviceThatNeedsAResetGetsIt) {
    device->need_reset();
    std::size_t received = 0;
    EXPECT_TRUE(eventually([&] {
        received += faulty->recv(batch) + sound->recv(batch);
        return vmq->stats().resets == 1;
    }));
    EXPECT_EQ(received, 0u);
    EXPECT_TRUE(logged("DEVICE_NEEDS_RESET"));
    EXPECT_EQ(faulty->wait(5s), WakeReason::ready) << "the pair is back";
    EXPECT_EQ(faulty->status(), PairState::active);
    expect_good();
}

// Row 24.
TEST_P(NetFaults, ARemovedDeviceStopsThePairs) {
    device->remove();
    EXPECT_EQ(faulty->wait(5s), WakeReason::stopped);
    EXPECT_EQ(sound->wait(5s), WakeReason::stopped);
    faulty.reset();
    sound.reset();
    vmq.reset();
    open(device_config());
    faulty.emplace(vmq->take_queue_pair(0));
    sound.emplace(vmq->take_queue_pair(1));
}

INSTANTIATE_TEST_SUITE_P(Rings, NetSplitFaults, ::testing::Values(false), [](const auto& /*test*/) { return "Split"; });
INSTANTIATE_TEST_SUITE_P(Rings, NetFaults, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Packed" : "Split"; });

}  // namespace
}  // namespace vmq
