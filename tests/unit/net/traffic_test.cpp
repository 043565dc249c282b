// Sending, receiving and forwarding through the public API: every packet, byte and counter.
#include "tests/unit/net/fixture.hpp"

namespace vmq {
namespace {

using software::Frame;
using software::make_frame;
using virtio::Feature;

class NetTraffic : public NetTest, public ::testing::WithParamInterface<const char*> {
protected:
    // The parameter names a feature to leave out, or none.
    void SetUp() override {
        if (*GetParam() != 0) options.refused_features = {GetParam()};
    }
};

TEST_P(NetTraffic, ReceivesEveryPacketOverTheIndexWrap) {
    options.ring_size = 64;
    QueuePair pair = open().take_queue_pair(0);
    Batch batch;
    std::uint64_t received = 0;
    std::uint64_t bytes = 0;
    std::uint64_t injected = 0;
    while (injected < 70'000) {
        for (int i = 0; i < 30; ++i) {
            const std::size_t length = 60 + injected % 40;
            ASSERT_TRUE(device->inject(0, make_frame({.flow = 1, .sequence = injected}, length)));
            ++injected;
            bytes += length;
        }
        while (pair.recv(batch) != 0) {
            for (Packet& packet : batch) {
                const auto label = software::check_frame(packet.bytes());
                ASSERT_TRUE(label);
                ASSERT_EQ(label->sequence, received);
                ASSERT_EQ(packet.bytes().size(), 60 + received % 40);
                ++received;
            }
        }
    }
    EXPECT_EQ(received, injected);
    EXPECT_EQ(stats(0).rx_packets, injected);
    EXPECT_EQ(stats(0).rx_bytes, bytes);
    EXPECT_EQ(stats(0).drops(), 0u);
    EXPECT_EQ(stats(0).rx_faults, 0u);
}

TEST_P(NetTraffic, SendsEveryPacketOverTheIndexWrap) {
    options.ring_size = 64;
    QueuePair pair = open().take_queue_pair(0);
    Batch batch;
    std::uint64_t sent = 0;
    std::uint64_t seen = 0;
    std::uint64_t bytes = 0;
    while (sent < 70'000) {
        for (int i = 0; i < 30; ++i) {
            const std::size_t length = 60 + sent % 40;
            ASSERT_TRUE(add_frame(pair, batch, make_frame({.flow = 1, .sequence = sent++}, length)));
            bytes += length;
        }
        ASSERT_EQ(pair.send(batch), 30u);
        ASSERT_TRUE(batch.empty());
        ASSERT_TRUE(device->step_notified());
        for (const Frame& frame : device->take_transmitted(0)) ASSERT_EQ(frame, make_frame({1, seen++}, frame.size()));
    }
    EXPECT_EQ(seen, sent);
    EXPECT_EQ(stats(0).tx_packets, sent);
    EXPECT_EQ(stats(0).tx_bytes, bytes);
    EXPECT_EQ(stats(0).tx_notifies, device->notifications(1));
    EXPECT_EQ(stats(0).tx_ring_full, 0u);
}

TEST_P(NetTraffic, ForwardsWithoutCopying) {
    QueuePair pair = open().take_queue_pair(0);
    Batch batch;
    for (std::uint64_t i = 0; i < 5000; i += 20) {
        for (std::uint64_t j = 0; j < 20; ++j) ASSERT_TRUE(device->inject(0, make_frame({2, i + j}, 100)));
        std::size_t received = 0;
        while (received < 20 && pair.recv(batch) != 0) {
            received += batch.size();
            const std::byte* where = batch[0].bytes().data();
            ASSERT_EQ(batch[0].bytes().data(), where);
            send_all(pair, batch, [&] { device->step(); });
        }
        ASSERT_EQ(received, 20u);
        device->step();
        const auto sent = device->take_transmitted(0);
        ASSERT_EQ(sent.size(), 20u);
        for (std::uint64_t j = 0; j < 20; ++j) ASSERT_EQ(sent[j], make_frame({2, i + j}, 100));
    }
    EXPECT_EQ(stats(0).rx_packets, 5000u);
    EXPECT_EQ(stats(0).tx_packets, 5000u);
}

INSTANTIATE_TEST_SUITE_P(Without, NetTraffic, ::testing::Values("", "EVENT_IDX", "MRG_RXBUF", "MAC"),
                         [](const auto& test) { return *test.param == 0 ? "Nothing" : std::string{test.param}; });

class NetRings : public NetTest {};

TEST_F(NetRings, AFullTransmitqLeavesTheRestInTheBatch) {
    options.ring_size = 64;
    QueuePair pair = open().take_queue_pair(0);
    Batch batch;
    std::uint64_t sequence = 0;
    for (std::size_t taken = 64; taken == 64;) {
        while (!batch.full()) ASSERT_TRUE(add_frame(pair, batch, make_frame({1, sequence++}, 60)));
        taken = pair.send(batch);
    }
    EXPECT_EQ(batch.size(), 64u) << "the ring's 64 descriptors took one batch";
    EXPECT_EQ(stats(0).tx_ring_full, 1u);
    EXPECT_EQ(pair.send(batch), 0u);
    device->step();
    EXPECT_EQ(pair.send(batch), 64u);
    device->step();
    const auto sent = device->take_transmitted(0);
    ASSERT_EQ(sent.size(), sequence);
    for (std::uint64_t i = 0; i < sequence; ++i) EXPECT_EQ(sent[i], make_frame({1, i}, 60));
}

TEST_F(NetRings, APartOfABatchIsTakenWhenThereIsRoomForAPart) {
    options.ring_size = 64;
    QueuePair pair = open().take_queue_pair(0);
    Batch batch;
    for (std::uint64_t i = 0; i < 40; ++i) ASSERT_TRUE(add_frame(pair, batch, make_frame({1, i}, 60)));
    EXPECT_EQ(pair.send(batch), 40u);
    for (std::uint64_t i = 40; i < 80; ++i) ASSERT_TRUE(add_frame(pair, batch, make_frame({1, i}, 60)));
    EXPECT_EQ(pair.send(batch), 24u);
    ASSERT_EQ(batch.size(), 16u);
    EXPECT_EQ(bytes_of(batch[0]), make_frame({1, 64}, 60));
}

TEST_F(NetRings, AFullReceiveqIsEmptiedAndRefilled) {
    options.ring_size = 64;
    QueuePair pair = open().take_queue_pair(0);
    Batch batch;
    for (int round = 0; round < 5; ++round) {
        std::uint64_t injected = 0;
        while (device->inject(0, make_frame({1, injected}, 60))) ++injected;
        EXPECT_EQ(injected, 64u);
        std::uint64_t received = 0;
        while (pair.recv(batch) != 0) received += batch.size();
        EXPECT_EQ(received, injected);
    }
}

TEST_F(NetRings, ReceivingGoesOnAfterThePoolRanDry) {
    options.ring_size = 64;
    options.buffers_per_pair = 192;
    QueuePair pair = open().take_queue_pair(0);
    // 64 buffers are posted; hold the others.
    Batch first;
    Batch second;
    EXPECT_EQ(pair.allocate(first, 64), 64u);
    EXPECT_EQ(pair.allocate(second, 64), 64u);
    Batch third;
    EXPECT_EQ(pair.allocate(third, 1), 0u);

    while (device->inject(0, make_frame({}, 60))) continue;
    Batch received;
    EXPECT_EQ(pair.recv(received), 64u);
    EXPECT_GT(stats(0).rx_refill_failures, 0u);
    EXPECT_FALSE(device->inject(0, make_frame({}, 60)));
    pair.recycle(first);
    EXPECT_EQ(pair.recv(received), 0u);
    EXPECT_TRUE(device->inject(0, make_frame({}, 60)));
    EXPECT_EQ(pair.recv(received), 1u);
}

TEST_F(NetRings, OnePairIsEnoughWithoutMultiqueueOrControlQueue) {
    options.queue_pairs = 0;
    for (const Feature missing : {Feature::mq, Feature::ctrl_vq}) {
        software::NetConfig config = without({}, missing);
        if (missing == Feature::ctrl_vq) config = without(without(config, Feature::mq), Feature::guest_announce);
        Device& opened = open(config);
        EXPECT_EQ(opened.max_queue_pairs(), 1u);
        QueuePair pair = opened.take_queue_pair(0);
        Batch batch;
        ASSERT_TRUE(device->inject(0, make_frame({}, 60)));
        EXPECT_EQ(pair.recv(batch), 1u);
        EXPECT_EQ(pair.send(batch), 1u);
        EXPECT_TRUE(device->step_notified());
    }
}

}  // namespace
}  // namespace vmq
