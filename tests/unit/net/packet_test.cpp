// Packet and Batch: room, ownership, and the way home.
#include "tests/unit/net/fixture.hpp"

namespace vmq {
namespace {

using software::make_frame;

class NetPacket : public NetTest {
protected:
    void SetUp() override { options.ring_size = 64; }
};

TEST_F(NetPacket, AllocatedOnesAreEmptyWithHeadroom) {
    QueuePair pair = open().take_queue_pair(0);
    Batch batch;
    EXPECT_EQ(pair.allocate(batch, 3), 3u);
    EXPECT_EQ(pair.allocate(batch, 100), 61u) << "up to the batch's capacity";
    EXPECT_TRUE(batch.full());
    for (Packet& packet : batch) {
        EXPECT_EQ(packet.bytes().size(), 0u);
        EXPECT_EQ(packet.segment_count(), 1u);
        EXPECT_EQ(packet.headroom(), 116u);
    }
}

TEST_F(NetPacket, GrowsAndShrinksAtBothEnds) {
    QueuePair pair = open().take_queue_pair(0);
    Batch batch;
    ASSERT_EQ(pair.allocate(batch, 1), 1u);
    Packet& packet = batch[0];
    const std::size_t room = packet.tailroom();
    EXPECT_GE(room, 1518u);
    std::ranges::fill(packet.append(10), std::byte{1});
    EXPECT_EQ(packet.tailroom(), room - 10);
    std::ranges::fill(packet.prepend(4), std::byte{2});
    EXPECT_EQ(packet.headroom(), 112u);
    ASSERT_EQ(packet.bytes().size(), 14u);
    EXPECT_EQ(packet.bytes()[3], std::byte{2});
    EXPECT_EQ(packet.bytes()[4], std::byte{1});
    EXPECT_TRUE(packet.trim_front(5));
    EXPECT_TRUE(packet.trim(2));
    EXPECT_EQ(packet.bytes().size(), 7u);
    EXPECT_EQ(packet.total_length(), 7u);

    EXPECT_TRUE(packet.prepend(packet.headroom() + 1).empty());
    EXPECT_TRUE(packet.append(room).empty());
    EXPECT_FALSE(packet.trim(8));
    EXPECT_FALSE(packet.trim_front(8));
    EXPECT_EQ(packet.bytes().size(), 7u);
}

TEST_F(NetPacket, AChangedFrontIsWhatIsSent) {
    QueuePair pair = open().take_queue_pair(0);
    const auto frame = make_frame({4, 5}, 200);
    Batch batch;
    // All the room there is, and a front that moved both ways.
    ASSERT_TRUE(add_frame(pair, batch, {frame.begin() + 64, frame.end()}));
    std::copy(frame.begin(), frame.begin() + 64, batch[0].prepend(64).begin());
    ASSERT_TRUE(add_frame(pair, batch, frame));
    ASSERT_TRUE(batch[1].trim_front(30));
    ASSERT_EQ(pair.send(batch), 2u);
    device->step();
    const auto sent = device->take_transmitted(0);
    ASSERT_EQ(sent.size(), 2u);
    EXPECT_EQ(sent[0], frame);
    EXPECT_EQ(sent[1], software::Frame(frame.begin() + 30, frame.end()));
}

TEST_F(NetPacket, AReceivedOneHasRoomForAHeader) {
    QueuePair pair = open().take_queue_pair(0);
    ASSERT_TRUE(device->inject(0, make_frame({4, 5}, 60)));
    Batch batch;
    ASSERT_EQ(pair.recv(batch), 1u);
    EXPECT_GE(batch[0].headroom(), 116u);
    std::ranges::fill(batch[0].prepend(20), std::byte{7});
    ASSERT_EQ(pair.send(batch), 1u);
    device->step();
    EXPECT_EQ(device->take_transmitted(0).at(0).size(), 80u);
}

TEST_F(NetPacket, RefusedOnesNeverReachTheRing) {
    QueuePair pair = open().take_queue_pair(0);
    Batch batch;
    ASSERT_EQ(pair.allocate(batch, 3), 3u);  // 0 stays empty
    ASSERT_FALSE(batch[1].append(1514).empty());
    ASSERT_FALSE(batch[2].append(1515).empty());
    for (std::size_t i = 1; i < 3; ++i) std::ranges::fill(batch[i].bytes(), std::byte{0});
    EXPECT_EQ(pair.send(batch), 3u);
    EXPECT_TRUE(batch.empty());
    EXPECT_EQ(stats(0).tx_rejected, 2u);
    EXPECT_EQ(stats(0).tx_packets, 1u);
    device->step();
    const auto sent = device->take_transmitted(0);
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0].size(), 1514u);
}

// 5.1.4.2: the MTU is what lies behind the header, a tag included in that.
TEST_F(NetPacket, ATagMakesRoomForItself) {
    QueuePair pair = open().take_queue_pair(0);
    Batch batch;
    for (const unsigned type : {0x81u, 0x88u}) {
        for (const std::size_t length : {1514u, 1518u, 1519u}) {
            ASSERT_EQ(pair.allocate(batch, 1, length), 1u);
            Packet& packet = batch[batch.size() - 1];
            std::ranges::fill(packet.bytes(), std::byte{0});
            packet.bytes()[12] = static_cast<std::byte>(type);
            packet.bytes()[13] = type == 0x81 ? std::byte{0x00} : std::byte{0xa8};
        }
    }
    EXPECT_EQ(pair.send(batch), 6u);
    EXPECT_EQ(stats(0).tx_rejected, 2u);
    device->step();
    const auto sent = device->take_transmitted(0);
    ASSERT_EQ(sent.size(), 4u);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(sent[i].size(), i % 2 == 0 ? 1514u : 1518u);
}

TEST_F(NetPacket, AMovedFromHandleInABatchIsCountedAsRefused) {
    QueuePair pair = open().take_queue_pair(0);
    Batch batch;
    ASSERT_TRUE(add_frame(pair, batch, make_frame({}, 60)));
    const Packet elsewhere = std::move(batch[0]);
    EXPECT_EQ(pair.send(batch), 1u);
    EXPECT_EQ(stats(0).tx_rejected, 1u);
    EXPECT_EQ(stats(0).tx_packets, 0u);
}

TEST_F(NetPacket, EveryBufferComesHome) {
    options.buffers_per_pair = 192;
    QueuePair pair = open().take_queue_pair(0);
    const auto available = [&] {
        std::vector<Batch> batches(4);
        std::size_t count = 0;
        for (Batch& batch : batches) count += pair.allocate(batch, 64);
        return count;
    };
    const std::size_t at_first = available();
    EXPECT_EQ(at_first, 128u);
    for (int round = 0; round < 10; ++round) {
        Batch received;
        for (int i = 0; i < 40; ++i) ASSERT_TRUE(device->inject(0, make_frame({}, 60)));
        ASSERT_EQ(pair.recv(received), 40u);
        switch (round % 5) {
            case 0:
                received.clear();
                break;
            case 1:
                pair.recycle(received);
                break;
            case 2:
                EXPECT_EQ(pair.send(received), 40u);
                break;
            case 3: {
                Batch moved = std::move(received);
                EXPECT_TRUE(received.empty());
                EXPECT_EQ(moved.size(), 40u);
                break;
            }
            case 4: {
                Packet one = received.take(3);
                received.erase_if([i = 0](Packet&) mutable { return i++ % 2 == 0; });
                EXPECT_EQ(received.size(), 19u);
                std::thread{[packet = std::move(one)]() mutable { packet = Packet{}; }}.join();
                break;
            }
        }
        device->step();
        Batch rest;
        pair.recv(rest);
    }
    device->step();
    // A full transmitq makes the pair take back what was sent.
    EXPECT_EQ(available(), at_first);
}

TEST_F(NetPacket, RecvGivesBackWhatIsLeft) {
    options.buffers_per_pair = 192;
    QueuePair pair = open().take_queue_pair(0);
    Batch batch;
    for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(device->inject(0, make_frame({1, static_cast<std::uint64_t>(i)}, 60)));
        ASSERT_EQ(pair.recv(batch), 1u);
        ASSERT_EQ(batch.size(), 1u);
    }
}

TEST_F(NetPacket, BatchesKeepTheirOrder) {
    QueuePair pair = open().take_queue_pair(0);
    Batch batch;
    for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(add_frame(pair, batch, make_frame({1, i}, 60)));
    Batch other;
    EXPECT_TRUE(other.push(batch.take(2)));
    EXPECT_TRUE(other.push(batch.take(0)));
    EXPECT_EQ(batch.size(), 8u);
    batch.erase_if([](Packet& packet) { return software::check_frame(packet.bytes())->sequence % 2 == 0; });
    ASSERT_EQ(batch.size(), 5u);
    for (std::uint64_t i = 0; i < 5; ++i) EXPECT_EQ(software::check_frame(batch[i].bytes())->sequence, 2 * i + 1);
    EXPECT_EQ(software::check_frame(other[0].bytes())->sequence, 2u);
    EXPECT_EQ(software::check_frame(other[1].bytes())->sequence, 0u);
    pair.allocate(batch, 64);
    ASSERT_TRUE(batch.full());
    Packet last = other.take(0);
    EXPECT_FALSE(batch.push(std::move(last)));
    EXPECT_TRUE(last) << "still the caller's";  // NOLINT(bugprone-use-after-move)
}

class NetSegments : public NetTest {};

TEST_F(NetSegments, APacketOverSeveralBuffersArrivesWhole) {
    software::NetConfig config;
    config.config.mtu = 9000;
    QueuePair pair = open(config).take_queue_pair(0);
    EXPECT_EQ(vmq->info().buffer_size, 1984u);
    Batch batch;
    for (std::uint64_t i = 0; i < 500; ++i) {
        const auto frame = make_frame({6, i}, 60 + (i * 97) % 8950);
        ASSERT_TRUE(device->inject(0, frame));
        ASSERT_EQ(pair.recv(batch), 1u);
        Packet& packet = batch[0];
        ASSERT_EQ(packet.total_length(), frame.size());
        ASSERT_EQ(bytes_of(packet), frame);
        if (packet.segment_count() > 1) {
            EXPECT_EQ(packet.tailroom(), 0u);
        }
        ASSERT_EQ(pair.send(batch), 1u) << "and leaves as it is";
        device->step();
        ASSERT_EQ(device->take_transmitted(0).at(0), frame);
    }
    EXPECT_EQ(stats(0).rx_packets, 500u);
    EXPECT_EQ(stats(0).drops(), 0u);
}

TEST_F(NetSegments, AreCountedOverTheEndOfABurst) {
    QueuePair pair = open().take_queue_pair(0);
    Batch batch;
    // 63 single ones, then one in 5 buffers, then singles: the burst of 64 ends inside of it.
    for (std::uint64_t i = 0; i < 80; ++i)
        ASSERT_TRUE(device->inject(0, make_frame({1, i}, 300), {.bytes_per_buffer = i == 63 ? 64u : 0u}));
    std::uint64_t next = 0;
    while (pair.recv(batch) != 0)
        for (Packet& packet : batch) {
            EXPECT_EQ(packet.segment_count(), next == 63 ? 5u : 1u);
            EXPECT_EQ(bytes_of(packet), make_frame({1, next++}, 300));
        }
    EXPECT_EQ(next, 80u);
}

TEST_F(NetSegments, BuffersHoldTheWholePacketWhereTheyMust) {
    options.refused_features = {"MRG_RXBUF"};
    software::NetConfig config;
    config.config.mtu = 9000;
    QueuePair pair = open(config).take_queue_pair(0);
    EXPECT_GE(vmq->info().buffer_size, 9018u + 12);
    const auto frame = make_frame({1, 1}, 9018);
    ASSERT_TRUE(device->inject(0, frame));
    Batch batch;
    ASSERT_EQ(pair.recv(batch), 1u);
    EXPECT_EQ(bytes_of(batch[0]), frame);
}

// 5.1.4.2: what is sent may be shorter, but what arrives may be as long as the device's MTU says.
TEST_F(NetSegments, BuffersHoldWhatTheDeviceMayDeliver) {
    options.refused_features = {"MRG_RXBUF"};
    options.mtu = 1500;
    software::NetConfig config;
    config.config.mtu = 9000;
    QueuePair pair = open(config).take_queue_pair(0);
    EXPECT_EQ(vmq->info().mtu, 1500u);
    const auto frame = make_frame({1, 1}, 9014);
    ASSERT_TRUE(device->inject(0, frame));
    Batch batch;
    ASSERT_EQ(pair.recv(batch), 1u);
    EXPECT_EQ(bytes_of(batch[0]), frame);
    EXPECT_EQ(pair.send(batch), 1u);
    EXPECT_EQ(stats(0).tx_rejected, 1u);
}

class NetPairs : public NetTest {};

TEST_F(NetPairs, PacketsMayBeSentOnAnotherPair) {
    options.queue_pairs = 2;
    options.ring_size = 64;
    options.buffers_per_pair = 192;
    Device& opened = open();
    QueuePair first = opened.take_queue_pair(0);
    QueuePair second = opened.take_queue_pair(1);
    Batch batch;
    for (std::uint64_t i = 0; i < 2000; ++i) {
        const auto frame = make_frame({1, i}, 80);
        ASSERT_TRUE(device->inject(0, frame)) << i;
        ASSERT_EQ(first.recv(batch), 1u);
        ASSERT_EQ(second.send(batch), 1u);
        device->step();
        ASSERT_EQ(device->take_transmitted(1).at(0), frame);
    }
    EXPECT_EQ(stats(0).rx_refill_failures, 0u) << "the buffers came back to their pool";
}

}  // namespace
}  // namespace vmq
