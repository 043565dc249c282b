// Packets of all lengths in bursts of all lengths through rings of all sizes, round and round.
#include "tests/unit/conformance/fixture.hpp"

namespace vmq {
namespace {

TEST_P(Conformance, EveryBurstLength) {
    QueuePair pair = open_form(32).take_queue_pair(0);
    Batch batch;
    for (std::size_t burst = 1; burst <= Batch::capacity; ++burst) {
        ASSERT_EQ(make(pair, batch, burst), burst);
        send_whole(pair, batch);
        for (std::uint64_t left = burst; left > 0;) {
            const std::uint64_t delivered = deliver(left);
            ASSERT_GT(delivered, 0u) << "the receiveq stays empty";
            left -= delivered;
            receive_all(pair, batch);
        }
    }
    expect_all_through();
    EXPECT_EQ(stats(0).tx_notifies, device->notifications(1));
}

TEST_P(Conformance, EveryRingSize) {
    for (const std::uint16_t size : std::array<std::uint16_t, 6>{4, 8, 16, 128, 256, 1024}) {
        QueuePair pair = open_form(size).take_queue_pair(0);
        Batch batch;
        // Over the end of the ring at least once, over that of a small one often.
        const std::uint64_t packets = size + std::max(size / 8u, 50u);
        while (to_device_.seen < packets) {
            ASSERT_GT(make(pair, batch, 1 + to_device_.made % Batch::capacity), 0u);
            send_whole(pair, batch);
        }
        while (from_device_.seen < packets) {
            ASSERT_GT(deliver(1 + from_device_.made % 100), 0u);
            receive_all(pair, batch);
        }
        expect_all_through();
    }
}

TEST_P(Conformance, AFullTransmitqAndDevicesThatCompleteAPart) {
    for (const std::uint16_t size : std::array<std::uint16_t, 2>{4, 32}) {
        QueuePair pair = open_form(size).take_queue_pair(0);
        with_lane([](software::Lane& lane) { lane.completion.hold = true; });
        Batch batch;
        std::size_t taken = 0;
        while (taken < size) {
            make(pair, batch, Batch::capacity);
            const std::size_t count = pair.send(batch);
            ASSERT_GT(count, 0u);
            taken += count;
        }
        ASSERT_EQ(taken, size) << "one descriptor a packet";
        make(pair, batch, Batch::capacity);
        EXPECT_EQ(pair.send(batch), 0u);
        // The device gives back k, and there is room for k.
        for (std::size_t k = 0; k < 2u * size; ++k) {
            const std::size_t part = k % size;
            with_lane([part](software::Lane& lane) {
                lane.process_transmitq();
                lane.transmitq.complete_held({.used_length = 0xdeadbeef}, part);
            });
            make(pair, batch, Batch::capacity);
            const std::size_t ready = std::min(part, batch.size());
            ASSERT_EQ(pair.send(batch), ready) << "ring of " << size;
            check_transmitted();
        }
        with_lane([](software::Lane& lane) {
            lane.completion.hold = false;
            lane.process_transmitq();
        });
        send_whole(pair, batch);
        check_transmitted();
        expect_all_through();
        EXPECT_GT(stats(0).tx_ring_full, 0u);
    }
}

TEST_P(Conformance, AFullReceiveqEmptiedInParts) {
    for (const std::uint16_t size : std::array<std::uint16_t, 2>{4, 16}) {
        QueuePair pair = open_form(size).take_queue_pair(0);
        Batch batch;
        EXPECT_EQ(deliver(much), size);
        for (std::size_t k = 1; k < 40; ++k) {
            const std::size_t most = 1 + k * 7 % Batch::capacity;
            receive(pair, batch, most);
            EXPECT_LE(deliver(much), size);
        }
        receive_all(pair, batch);
        EXPECT_EQ(deliver(much), size) << "all of it is the device's again";
        receive_all(pair, batch);
        expect_all_through();
    }
}

TEST_P(Conformance, ForwardedBuffers) {
    QueuePair pair = open_form(16).take_queue_pair(0);
    Batch batch;
    while (to_device_.seen < 500) {
        deliver(1 + from_device_.made % 16);
        while (receive(pair, batch) > 0) {
            to_device_.made += batch.size();
            send_whole(pair, batch);
        }
    }
    expect_all_through();
}

TEST_P(Conformance, ThePoolRunsDryAndRecovers) {
    QueuePair pair = open_form(16).take_queue_pair(0);
    const unsigned spare = options.buffers_per_pair - 16;
    for (int round = 0; round < 3; ++round) {
        std::vector<Batch> kept;
        std::size_t taken = 0;
        for (std::size_t got = 1; got != 0; taken += got) got = pair.allocate(kept.emplace_back(), Batch::capacity);
        // Buffers that the device has used are the pool's only when the driver looks.
        ASSERT_EQ(taken, spare);
        Batch batch;
        EXPECT_EQ(deliver(much), 16u);
        Batch received;
        EXPECT_EQ(receive(pair, received), 16u);
        EXPECT_EQ(deliver(1), 0u) << "there was nothing to refill with";
        EXPECT_GT(stats(0).rx_refill_failures, 0u);
        pair.recycle(kept.front());
        EXPECT_EQ(receive(pair, batch), 0u);
        EXPECT_EQ(deliver(much), 16u);
        kept.clear();
        receive_all(pair, batch);
    }
    EXPECT_EQ(from_device_.seen, from_device_.made);
}

INSTANTIATE_TEST_SUITE_P(Forms, Conformance, ::testing::ValuesIn(forms(any_form)), form_name);

// The indices of a split ring wrap after 2^16 buffers; a packed ring has nothing that does, and must not either.
class ConformanceLaps : public Conformance {};

TEST_P(ConformanceLaps, BeyondSixteenBits) {
    QueuePair pair = open_form(1024).take_queue_pair(0);
    Batch batch;
    const software::Frame small(60, std::byte{7});
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
    while (sent < 66'000) {
        for (int i = 0; i < 64; ++i) ASSERT_TRUE(device->inject(0, small));
        ASSERT_EQ(pair.recv(batch), 64u);
        received += 64;
        ASSERT_EQ(pair.send(batch), 64u);
        ASSERT_TRUE(device->step_notified());
        sent += device->take_transmitted(0).size();
    }
    EXPECT_EQ(sent, received);
}

INSTANTIATE_TEST_SUITE_P(Forms, ConformanceLaps, ::testing::ValuesIn(forms([](const Form& form) {
                             return form.packed == form.in_order && form.indirect && form.event_idx && form.mergeable;
                         })),
                         form_name);

}  // namespace
}  // namespace vmq
