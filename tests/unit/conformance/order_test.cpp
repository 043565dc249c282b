// Devices that complete in any order, and devices that complete in order and say so once for many.
#include <random>

#include "tests/unit/conformance/fixture.hpp"

namespace vmq {
namespace {

class ConformanceOrder : public Conformance {};

TEST_P(ConformanceOrder, TransmittedBuffersComeBackInAnyOrder) {
    QueuePair pair = open_form(32).take_queue_pair(0);
    with_lane([](software::Lane& lane) {
        lane.completion.hold = true;
        lane.transmitq.seed(7);
    });
    std::minstd_rand random{3};
    Batch batch;
    while (to_device_.made < 1000) {
        make(pair, batch, 1 + random() % Batch::capacity);
        pair.send(batch);
        const std::size_t part = random() % 24;
        const bool newest_first = random() % 4 == 0;
        with_lane([&](software::Lane& lane) {
            lane.process_transmitq();
            lane.transmitq.complete_held({.newest_first = newest_first, .shuffled = !newest_first}, part);
        });
        check_transmitted();
    }
    // However long the oldest is held, it goes on when that comes back.
    with_lane([](software::Lane& lane) {
        lane.transmitq.complete_held({.newest_first = true});
        lane.completion.hold = false;
    });
    send_whole(pair, batch);
    expect_all_through();
}

TEST_P(ConformanceOrder, ReceiveBuffersAreUsedInAnyOrder) {
    QueuePair pair = open_form(32).take_queue_pair(0);
    with_lane([](software::Lane& lane) { lane.receiveq.shuffle(10, 11); });
    std::minstd_rand random{5};
    Batch batch;
    while (from_device_.made < 1000) {
        const std::uint64_t delivered = deliver(1 + random() % 30);
        const std::size_t received = receive(pair, batch, 1 + random() % Batch::capacity);
        ASSERT_GT(delivered + received, 0u) << "nothing moves";
        if (random() % 4 == 0) receive_all(pair, batch);
    }
    receive_all(pair, batch);
    expect_all_through();
}

// The other way round each time: every position of the oldest buffer in the ring.
TEST_P(ConformanceOrder, NewestFirstBothWays) {
    QueuePair pair = open_form(8).take_queue_pair(0);
    with_lane([](software::Lane& lane) { lane.completion.newest_first = true; });
    Batch batch;
    for (std::size_t round = 0; round < 80; ++round) {
        make(pair, batch, 1 + round % 9);
        send_whole(pair, batch);
        for (std::size_t left = round % 8 + 1; left-- > 0;) deliver(1, {.held_at = left});
        receive_all(pair, batch);
    }
    expect_all_through();
}

INSTANTIATE_TEST_SUITE_P(Forms, ConformanceOrder,
                         ::testing::ValuesIn(forms([](const Form& form) { return !form.in_order; })), form_name);

class ConformanceInOrder : public Conformance {};

// 2.7.9, 2.8.9
TEST_P(ConformanceInOrder, TransmittedBatchesAreToldByTheirLast) {
    QueuePair pair = open_form(32).take_queue_pair(0);
    with_lane([](software::Lane& lane) { lane.completion.hold = true; });
    std::minstd_rand random{3};
    Batch batch;
    while (to_device_.made < 1000) {
        make(pair, batch, 1 + random() % Batch::capacity);
        pair.send(batch);
        const std::size_t part = random() % 40;
        with_lane([&](software::Lane& lane) {
            lane.transmit_ring.set_batches(1 + random() % 40);
            lane.process_transmitq();
            lane.transmitq.complete_held({.used_length = 0xffffffff}, part);
        });
        check_transmitted();
    }
    with_lane([](software::Lane& lane) {
        lane.transmitq.complete_held({});
        lane.completion.hold = false;
    });
    send_whole(pair, batch);
    expect_all_through();
}

// Buffers in front of a batch's last one are full: those of a large packet are.
TEST_P(ConformanceInOrder, ReceivedBatchesOfFullBuffers) {
    QueuePair pair = open_form(32).take_queue_pair(0);
    std::size_t room = 0;
    with_lane([&](software::Lane& lane) {
        lane.receiveq.fetch_all();
        room = lane.receiveq.room();
    });
    Batch batch;
    for (std::size_t i = 0; i < 300; ++i) {
        with_lane([&](software::Lane& lane) { lane.receive_ring.set_batches(1 + i % 9); });
        const std::size_t buffers = GetParam().mergeable ? 1 + i % 5 : 1;
        // Full ones all, the last one too, and less than that.
        const std::size_t header = GetParam().hashes ? sizeof(virtio::NetHashHeader) : sizeof(virtio::NetHeader);
        const std::size_t length = buffers * room - header - (i % 3) * 100;
        const software::Frame frame(length, static_cast<std::byte>(i));
        with_lane([&](software::Lane& lane) {
            ASSERT_TRUE(lane.inject(frame, {}));
            ASSERT_TRUE(lane.inject(frame, {}));
        });
        for (std::size_t seen = 0; seen < 2;) {
            ASSERT_GT(pair.recv(batch), 0u);
            for (Packet& packet : batch) EXPECT_EQ(bytes_of(packet), frame);
            seen += batch.size();
        }
    }
    EXPECT_EQ(stats(0).rx_packets, 600u);
    EXPECT_EQ(stats(0).drops(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Forms, ConformanceInOrder,
                         ::testing::ValuesIn(forms([](const Form& form) { return form.in_order; })), form_name);

}  // namespace
}  // namespace vmq
