// Packets of every make: several segments, cut and grown ones, those of another pair.
#include "tests/unit/conformance/fixture.hpp"

namespace vmq {
namespace {

class ConformanceSegments : public Conformance {
protected:
    static constexpr std::size_t pieces[] = {0, 100, 300, 700, 64};

    // Received in several segments each, sent as they are, between others of one segment.
    void forward(QueuePair& pair, std::uint64_t packets) {
        Batch batch;
        while (to_device_.seen < packets) {
            ASSERT_GT(deliver(1 + to_device_.seen % 7, {.bytes_per_buffer = pieces[to_device_.seen % 5]}), 0u);
            while (receive(pair, batch, 1 + to_device_.seen % 9) > 0) {
                to_device_.made += batch.size();
                send_whole(pair, batch);
            }
        }
        expect_all_through();
    }
};

TEST_P(ConformanceSegments, BothWays) {
    for (const std::uint16_t size : std::array<std::uint16_t, 2>{32, 128}) {
        QueuePair pair = open_form(size).take_queue_pair(0);
        forward(pair, 200);
    }
}

TEST_P(ConformanceSegments, InAnyOrder) {
    QueuePair pair = open_form(64).take_queue_pair(0);
    with_lane([](software::Lane& lane) {
        lane.completion.shuffled = true;
        lane.receive_ring.set_batches(8);
        lane.transmit_ring.set_batches(8);
    });
    forward(pair, 200);
}

// The device keeps them for a while, so that they lie in the ring at every place and over its end.
TEST_P(ConformanceSegments, HeldByTheDevice) {
    QueuePair pair = open_form(32).take_queue_pair(0);
    with_lane([](software::Lane& lane) { lane.completion.hold = true; });
    Batch batch;
    while (to_device_.made < 300) {
        ASSERT_GT(deliver(1 + to_device_.made % 4, {.bytes_per_buffer = pieces[1 + to_device_.made % 3]}), 0u);
        while (receive(pair, batch) > 0) {
            to_device_.made += batch.size();
            for (std::size_t attempt = 0; attempt < 200 && !batch.empty(); ++attempt) {
                pair.send(batch);
                with_lane([&](software::Lane& lane) {
                    lane.process_transmitq();
                    const std::size_t held = lane.transmitq.held();
                    lane.transmitq.complete_held({},
                                                 held - std::min<std::size_t>(held, (to_device_.made + attempt) % 4));
                });
                check_transmitted();
            }
            ASSERT_TRUE(batch.empty());
        }
    }
    with_lane([](software::Lane& lane) { lane.transmitq.complete_held({}); });
    check_transmitted();
    expect_all_through();
}

// A packet's table lets it take one place in the transmitq and many buffers: those that the device has given back must
// not lie there while the receiveq starves.
TEST_P(ConformanceSegments, AForwarderThatOnlyPollsNeverStarves) {
    QueuePair pair = open_form(64).take_queue_pair(0);
    Batch batch;
    for (unsigned turn = 0; turn < 200; ++turn) {
        // Twenty-odd buffers each.
        static_cast<void>(device->inject(0, software::Frame(1500, std::byte{1}), {.bytes_per_buffer = 70}));
        pair.recv(batch);
        pair.send(batch);
        device->step();
    }
    EXPECT_GT(stats(0).tx_packets, 190u);
    EXPECT_EQ(stats(0).drops(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Forms, ConformanceSegments,
                         ::testing::ValuesIn(forms([](const Form& form) { return form.mergeable; })), form_name);

class ConformancePackets : public Conformance {
protected:
    // The next number's bytes, come to in a roundabout way.
    void make_odd(QueuePair& pair, Batch& batch, std::size_t way) {
        const auto bytes = NumberedPackets::bytes(to_device_.made++);
        const std::size_t front = std::min<std::size_t>(bytes.size(), 1 + way % 50);
        ASSERT_EQ(pair.allocate(batch, 1), 1u);
        Packet& packet = batch[batch.size() - 1];
        ASSERT_EQ(packet.append(bytes.size() + 20).size(), bytes.size() + 20);
        ASSERT_TRUE(packet.trim(20));
        std::ranges::copy(bytes, packet.bytes().begin());
        switch (way % 4) {
            case 0:
                break;
            case 1:  // shorter in front, and longer again
                ASSERT_TRUE(packet.trim_front(front));
                std::ranges::copy(bytes.first(front), packet.prepend(front).begin());
                break;
            case 2:  // grown in front: everything lies lower
                std::ranges::copy(bytes.subspan(front), packet.bytes().begin());
                ASSERT_TRUE(packet.trim(front));
                std::ranges::copy(bytes.first(front), packet.prepend(front).begin());
                break;
            case 3:  // moved up
                ASSERT_EQ(packet.append(7).size(), 7u);
                ASSERT_TRUE(packet.trim_front(7));
                std::ranges::copy(bytes, packet.bytes().begin());
                break;
        }
        ASSERT_EQ(packet.bytes().size(), bytes.size());
    }
};

TEST_P(ConformancePackets, CutAndGrown) {
    QueuePair pair = open_form(32).take_queue_pair(0);
    Batch batch;
    for (std::size_t i = 0; to_device_.made < 500; ++i) {
        // One of another make anywhere between ordinary ones.
        make(pair, batch, i % 5);
        make_odd(pair, batch, i);
        make(pair, batch, i % 3);
        if (i % 4 != 0) send_whole(pair, batch);
        if (batch.size() > 40) send_whole(pair, batch);
    }
    send_whole(pair, batch);
    expect_all_through();
}

TEST_P(ConformancePackets, OnesThatCannotBeSentAreDroppedAmongOthers) {
    QueuePair pair = open_form(32).take_queue_pair(0);
    Batch batch;
    std::uint64_t rejected = 0;
    for (std::size_t i = 0; i < 200; ++i) {
        make(pair, batch, i % 4);
        const std::size_t wrong = i % 2 == 0 ? 0 : NumberedPackets::longest + 1;
        ASSERT_EQ(pair.allocate(batch, 1, wrong), 1u);
        ++rejected;
        make(pair, batch, i % 3);
        send_whole(pair, batch);
    }
    EXPECT_EQ(to_device_.seen, to_device_.made);
    EXPECT_EQ(stats(0).tx_rejected, rejected);
    EXPECT_EQ(stats(0).tx_packets, to_device_.made);
    EXPECT_EQ(stats(0).tx_faults, 0u);
}

TEST_P(ConformancePackets, OfAnotherPairGoHome) {
    Device& opened = open_form(16, 2);
    QueuePair pair = opened.take_queue_pair(0);
    QueuePair other = opened.take_queue_pair(1);
    const auto spare = [](QueuePair& of) {
        std::vector<Batch> all;
        std::size_t count = 0;
        for (std::size_t got = 1; got != 0; count += got) got = of.allocate(all.emplace_back(), Batch::capacity);
        return count;
    };
    const std::size_t before = spare(other);
    Batch batch;
    for (std::size_t i = 0; i < 120; ++i) {
        make(pair, batch, i % 4);
        make(other, batch, 1 + i % 5);
        make(pair, batch, i % 3);
        send_whole(pair, batch);
    }
    // Received there, sent here.
    for (std::uint64_t i = 0; i < 100; ++i) {
        const auto bytes = NumberedPackets::bytes(to_device_.made);
        ASSERT_TRUE(device->inject(1, bytes));
        ASSERT_EQ(other.recv(batch), 1u);
        ++to_device_.made;
        send_whole(pair, batch);
    }
    expect_all_through();
    // The transmitq's last ones come home once the driver has looked.
    for (int i = 0; i < 40; ++i) {
        make(pair, batch, 16);
        send_whole(pair, batch);
    }
    EXPECT_EQ(other.recv(batch), 0u);  // the receiveq takes back what it had
    EXPECT_EQ(spare(other), before);
}

INSTANTIATE_TEST_SUITE_P(Forms, ConformancePackets, ::testing::ValuesIn(forms(any_form)), form_name);

}  // namespace
}  // namespace vmq
