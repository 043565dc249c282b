// With RING_RESET a parked pair's receive buffers come back to its owner, and nothing that was delivered is lost.
#include <future>
#include <vector>

#include "tests/unit/net/resize_fixture.hpp"

namespace vmq {
namespace {

using software::make_frame;
using virtio::Feature;

class NetRingReset : public NetResize, public testing::WithParamInterface<bool> {
protected:
    [[nodiscard]] static software::NetConfig config() {
        software::NetConfig config;
        config.features.add(Feature::ring_reset);
        if (GetParam()) config.features.add(Feature::ring_packed);
        return config;
    }
    void SetUp() override {
        NetResize::SetUp();
        options.queue_pairs = 2;
        options.buffers_per_pair = 64 + 64 + 64;  // two rings and a batch
    }
    // How many buffers the owner can get hold of.
    static std::size_t buffers_at_hand(QueuePair& pair) {
        std::vector<Batch> batches(4);
        std::size_t count = 0;
        for (Batch& batch : batches) count += pair.allocate(batch, Batch::capacity);
        return count;
    }
};

TEST_P(NetRingReset, AParkedPairsBuffersAreItsOwners) {
    open(config());
    QueuePair pair = vmq->take_queue_pair(1);
    EXPECT_EQ(buffers_at_hand(pair), 128u) << "the others are posted";
    const auto caller = std::async(std::launch::async, [&] { vmq->set_queue_pairs(1); });
    Batch batch;
    while (caller.wait_for(1ms) != std::future_status::ready) pair.recv(batch);
    EXPECT_EQ(pair.status(), PairState::parked);
    EXPECT_EQ(buffers_at_hand(pair), 192u);
    EXPECT_EQ(pair.wait(0ms), WakeReason::parked);
    EXPECT_EQ(pair.wait(0ms), WakeReason::timeout);
}

TEST_P(NetRingReset, WhatWasDeliveredIsReceivedAfterwards) {
    open(config());
    {
        const QueuePair pair = vmq->take_queue_pair(1);
        for (unsigned i = 0; i < 40; ++i) ASSERT_TRUE(device->inject(1, make_frame({1, i}, 60 + i)));
    }
    EXPECT_FALSE(resize(1)) << "nobody has the pair: the control thread does it";
    QueuePair pair = vmq->take_queue_pair(1);
    EXPECT_EQ(pair.wait(0ms), WakeReason::ready);
    Batch batch;
    unsigned next = 0;
    while (pair.recv(batch, 16) != 0)
        for (Packet& packet : batch) {
            EXPECT_EQ(bytes_of(packet), make_frame({1, next}, 60 + next));
            ++next;
        }
    EXPECT_EQ(next, 40u);
    EXPECT_EQ(stats(1).rx_packets, 40u);
    EXPECT_EQ(stats(1).rx_lost, 0u);
    batch.clear();
    EXPECT_EQ(buffers_at_hand(pair), 192u);
}

TEST_P(NetRingReset, ThePairWorksAgainWhenItComesBack) {
    open(config());
    QueuePair pair = vmq->take_queue_pair(1);
    Batch batch;
    for (int round = 0; round < 5; ++round) {
        expect_works(pair, 1);
        for (const unsigned count : {1u, 2u}) {
            const auto caller = std::async(std::launch::async, [&] { vmq->set_queue_pairs(count); });
            while (caller.wait_for(1ms) != std::future_status::ready) EXPECT_EQ(pair.recv(batch), 0u);
        }
        expect_pairs(2);
    }
    EXPECT_EQ(stats(1).rx_packets, 5u);
}

TEST_P(NetRingReset, AnOwnerThatNeverCallsInKeepsThePairParked) {
    open(config());
    EXPECT_FALSE(resize(1));
    QueuePair pair = vmq->take_queue_pair(1);
    std::string what;
    EXPECT_EQ(resize(2, &what), make_error_code(Errc::owner_timeout));
    EXPECT_NE(what.find("queue pair 1"), std::string::npos) << what;
    expect_pairs(1);
    Batch batch;
    const auto caller = std::async(std::launch::async, [&] { vmq->set_queue_pairs(2); });
    while (caller.wait_for(1ms) != std::future_status::ready) pair.recv(batch);
    expect_pairs(2);
    expect_works(pair, 1);
}

TEST_P(NetRingReset, ARefusedCommandLeavesThePairReadyForTheNext) {
    open(config());
    EXPECT_FALSE(resize(1));
    device->set_control({.answer = software::ControlBehaviour::Answer::refuse});
    EXPECT_EQ(resize(2), make_error_code(Errc::device_refused));
    expect_pairs(1);
    device->set_control({});
    EXPECT_FALSE(resize(2));
    QueuePair pair = vmq->take_queue_pair(1);
    expect_works(pair, 1);
}

TEST_P(NetRingReset, AQueueThatIsNeverResetStaysParked) {
    software::NetConfig stubborn = config();
    stubborn.never_resets_queues = true;
    open(stubborn);
    EXPECT_FALSE(resize(1)) << "the pair has gone";
    EXPECT_TRUE(logged("resetting virtqueue 2"));
    std::string what;
    EXPECT_EQ(resize(2, &what), make_error_code(Errc::device_timeout));
    EXPECT_NE(what.find("queue pair 1"), std::string::npos) << what;
    expect_pairs(1);
    QueuePair pair = vmq->take_queue_pair(1);
    EXPECT_EQ(buffers_at_hand(pair), 128u) << "the device may still write to the others";
}

// VIRTIO 1.3, 5.1.6.5.9.5. The device checks it.
TEST_P(NetRingReset, CoalescingOfAVirtqueueThatWasResetWaits) {
    software::NetConfig coalescing = config();
    coalescing.features.add(Feature::notf_coal);
    coalescing.features.add(Feature::vq_notf_coal);
    open(coalescing);
    EXPECT_FALSE(resize(1));
    vmq->set_coalescing(1, {{1, 2}, {3, 4}});
    EXPECT_FALSE(device->settings().coalescing.contains(2));
    EXPECT_EQ(device->settings().coalescing[3], (CoalescingLimit{3, 4}));
    EXPECT_FALSE(resize(2));
    EXPECT_EQ(device->settings().coalescing[2], (CoalescingLimit{1, 2}));
    for (const unsigned count : {1u, 2u}) EXPECT_FALSE(resize(count));
    EXPECT_EQ(device->settings().coalescing[2], (CoalescingLimit{1, 2})) << "a reset forgets it";
}

INSTANTIATE_TEST_SUITE_P(Rings, NetRingReset, testing::Bool(),
                         [](const auto& packed) { return packed.param ? "Packed" : "Split"; });

}  // namespace
}  // namespace vmq
