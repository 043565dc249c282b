// The software hand-off: whichever pair a flow arrives on, its own pair gets it, in order, and nothing is lost.
#include <map>
#include <set>

#include <vmq/steering.hpp>

#include "tests/unit/net/resize_fixture.hpp"

namespace vmq {
namespace {

// A UDP packet over IPv4 from 10.0.0.1 and this port; `number` is its data.
software::Frame udp_frame(std::uint16_t port, std::uint32_t number) {
    software::Frame frame(64);
    const auto put = [&](std::size_t at, std::initializer_list<unsigned> bytes) {
        for (const unsigned byte : bytes) frame[at++] = static_cast<std::byte>(byte);
    };
    put(0,
        {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2});
    put(34, {port / 256u, port % 256u, 0, 7, 0, 30, 0, 0});
    put(42, {number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255});
    return frame;
}
std::uint16_t port_of(std::span<const std::byte> frame) {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(frame[34]) << 8 | std::to_integer<unsigned>(frame[35]));
}
std::uint32_t number_of(std::span<const std::byte> frame) {
    std::uint32_t number = 0;
    for (std::size_t at = 42; at < 46; ++at) number = number << 8 | std::to_integer<std::uint32_t>(frame[at]);
    return number;
}

class NetHandOff : public NetResize {
protected:
    void SetUp() override {
        NetResize::SetUp();
        options.hand_off = true;
        options.queue_pairs = 4;
    }
    unsigned owner_of(std::uint16_t port) {
        return steering::queue_for(vmq->rss().config, *steering::flow_of(udp_frame(port, 0)));
    }
    void inject(unsigned pair, std::uint16_t port, std::uint32_t number) {
        ASSERT_TRUE(device->inject(pair, udp_frame(port, number)));
    }
};

TEST_F(NetHandOff, TheTableFollowsTheNumberOfPairsAndCanBeChanged) {
    open();
    EXPECT_EQ(vmq->rss().config.table, steering::equal_table(128, 4));
    EXPECT_EQ(vmq->rss().config.key, steering::symmetric_key(40));
    EXPECT_FALSE(resize(2));
    EXPECT_EQ(vmq->rss().config.table, steering::equal_table(128, 2));
    vmq->set_rss({.weights = {1, 3}});
    EXPECT_EQ(vmq->rss().config.table, steering::weighted_table(128, {1, 3}));
    EXPECT_EQ(error_of([&] { vmq->set_rss({.key = steering::default_key(40)}); }), make_error_code(Errc::unsupported));
    vmq->set_rss({.table = {1, 0}});
    EXPECT_EQ(resize(1), make_error_code(Errc::out_of_range));
    expect_pairs(2);
}

TEST_F(NetHandOff, ADeviceThatSteersByHashDoesItItself) {
    software::NetConfig config;
    config.features.add(virtio::Feature::rss);
    open(config);
    EXPECT_NE(vmq->rss().config.key, steering::symmetric_key(40));
    QueuePair first = vmq->take_queue_pair(0);
    const QueuePair second = vmq->take_queue_pair(1);
    Batch batch;
    for (std::uint16_t port = 1; port <= 32; ++port) inject(0, port, 0);
    EXPECT_EQ(first.recv(batch), 32u);
    EXPECT_EQ(stats(0).rx_handed_off, 0u);
}

TEST_F(NetHandOff, EveryPacketReachesItsOwnerInOrder) {
    open();
    std::vector<QueuePair> pairs;
    for (unsigned i = 0; i < 4; ++i) pairs.push_back(vmq->take_queue_pair(i));
    std::map<std::uint16_t, std::uint32_t> next;
    Batch batch;
    constexpr std::uint16_t flows = 40;
    const auto receive_once = [&] {
        std::size_t received = 0;
        for (unsigned i = 0; i < 4; ++i) {
            received += pairs[i].recv(batch);
            for (Packet& packet : batch) {
                const std::uint16_t port = port_of(packet.bytes());
                EXPECT_EQ(owner_of(port), i) << port;
                EXPECT_EQ(number_of(packet.bytes()), next[port]++) << port;
            }
        }
        return received;
    };
    for (std::uint32_t number = 0; number < 100; ++number) {
        for (std::uint16_t port = 1; port <= flows; ++port) inject(port % 4u, port, number);
        receive_once();
        receive_once();  // one of the two looks into the receiveq
    }
    for (int quiet = 0; quiet < 3; ++quiet)
        if (receive_once() != 0) quiet = 0;
    EXPECT_EQ(next.size(), flows);
    std::uint64_t received = 0, handed_off = 0, taken_in = 0;
    for (unsigned i = 0; i < 4; ++i) {
        received += stats(i).rx_packets;
        handed_off += stats(i).rx_handed_off;
        taken_in += stats(i).rx_taken_in;
    }
    EXPECT_EQ(received, flows * 100u);
    std::uint64_t strays = 0;
    for (std::uint16_t port = 1; port <= flows; ++port) strays += owner_of(port) != port % 4u ? 100 : 0;
    EXPECT_GT(strays, 0u);
    EXPECT_EQ(handed_off, strays);
    EXPECT_EQ(taken_in, strays);
}

TEST_F(NetHandOff, WhatHasNoFlowOrNoOwnersThreadStaysWhereItArrived) {
    open();
    QueuePair first = vmq->take_queue_pair(0);
    Batch batch;
    for (std::uint16_t port = 1; port <= 16; ++port) inject(0, port, 0);
    EXPECT_EQ(first.recv(batch), 16u) << "nobody has the other pairs";
    const QueuePair second = vmq->take_queue_pair(1);
    for (std::uint32_t i = 0; i < 16; ++i) ASSERT_TRUE(device->inject(0, software::make_frame({i, 0}, 60)));
    EXPECT_EQ(first.recv(batch), 16u) << "not IP";
    EXPECT_EQ(stats(0).rx_handed_off, 0u);
}

TEST_F(NetHandOff, AnOwnerThatDoesNotKeepUpLosesNothing) {
    open();
    QueuePair first = vmq->take_queue_pair(0);
    QueuePair second = vmq->take_queue_pair(1);
    std::uint16_t port = 1;
    while (owner_of(port) != 1) ++port;
    Batch batch;
    std::uint32_t kept = 0;
    constexpr std::uint32_t count = 150;  // its receiveq has 64
    for (std::uint32_t number = 0; number < count; ++number) {
        inject(0, port, number);
        kept += static_cast<std::uint32_t>(first.recv(batch));
    }
    std::uint32_t taken = 0;
    while (second.recv(batch) != 0) taken += static_cast<std::uint32_t>(batch.size());
    EXPECT_EQ(taken, 64u);
    EXPECT_EQ(kept + taken, count);
}

TEST_F(NetHandOff, ASleeperIsWoken) {
    open();
    QueuePair first = vmq->take_queue_pair(0);
    std::uint16_t port = 1;
    while (owner_of(port) != 1) ++port;
    std::atomic<std::uint32_t> got{0};
    const Owner owner{*vmq, 1, [&](QueuePair& pair) {
                          Batch batch;
                          got += static_cast<std::uint32_t>(pair.recv(batch));
                          if (batch.empty() && got < 20) pair.wait(30s);
                      }};
    Batch batch;
    for (std::uint32_t number = 0; number < 20; ++number) {
        inject(0, port, number);
        EXPECT_EQ(first.recv(batch), 0u);
        EXPECT_TRUE(eventually([&] { return got == number + 1; })) << number;
    }
}

}  // namespace
}  // namespace vmq
