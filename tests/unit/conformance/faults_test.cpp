// Faults of the rings in every layout: each breaks its queue at most, is counted, and the other pair goes on.
#include <functional>
#include <random>

#include "tests/device/header.hpp"
#include "tests/unit/conformance/fixture.hpp"

namespace vmq {
namespace {

using software::Lane;

class ConformanceFaults : public Conformance {
protected:
    static constexpr std::uint16_t size = 16;

    void SetUp() override { start(); }
    void start() {
        faulty.reset();
        sound.reset();
        Device& opened = open_form(size, 2);
        faulty.emplace(opened.take_queue_pair(0));
        sound.emplace(opened.take_queue_pair(1));
        // Somewhere in the second lap, where a packed ring's wrap counter is 0.
        Batch batch;
        for (int i = 0; i < 21; ++i) {
            deliver(1);
            receive(*faulty, batch);
            faulty->recycle(batch);
            make(*faulty, batch, 1);
            send_whole(*faulty, batch);
        }
    }
    void TearDown() override {
        faulty.reset();
        sound.reset();
        NetTest::TearDown();
    }
    // After faults that the device itself stumbles over; `batch` is the last with packets.
    void close(Batch& batch) {
        batch.clear();
        faulty.reset();
        sound.reset();
        vmq.reset();
        EXPECT_EQ(device->memory().live_blocks(), 0u);
        device.reset();
    }
    void expect_other_pair_works() {
        Batch batch;
        const auto frame = software::make_frame({1, 1}, 60);
        for (int i = 0; i < 3; ++i) {
            ASSERT_TRUE(device->inject(1, frame));
            ASSERT_EQ(sound->recv(batch), 1u);
            ASSERT_EQ(sound->send(batch), 1u);
            device->step();
            EXPECT_EQ(device->take_transmitted(1).size(), 1u);
        }
        EXPECT_EQ(sound->status(), PairState::active);
    }
    void expect_broken(std::uint64_t receive_faults, std::uint64_t transmit_faults) {
        EXPECT_EQ(faulty->status(), PairState::broken);
        EXPECT_EQ(stats(0).rx_faults, receive_faults);
        EXPECT_EQ(stats(0).tx_faults, transmit_faults);
        EXPECT_EQ(faulty->wait(5s), WakeReason::stopped);
        Batch batch;
        EXPECT_EQ(faulty->recv(batch), 0u);
        expect_other_pair_works();
    }
    void break_receiveq(const std::function<void(Lane&)>& fault) {
        start();
        with_lane(fault);
        Batch batch;
        faulty->recv(batch);
        faulty->recv(batch);
        expect_broken(1, 0);
    }
    // Positions 21 to 33, slots 5 to 1, are in flight when the fault happens: so many that the driver looks before it
    // sends more.
    void write_wrong_id(const std::vector<std::uint32_t>& ids) {
        const auto fault = [&](Lane& lane) {
            for (const std::uint32_t id : ids) lane.transmit_ring.write_used(id, 0);
        };
        if (GetParam().packed || !GetParam().in_order) return break_transmitq(fault);
        // 2.7.9: here the index tells all, and what the elements say has no meaning.
        misuse_transmitq(fault);
        EXPECT_EQ(faulty->status(), PairState::active);
        EXPECT_GE(stats(0).tx_completed, 21u);
        EXPECT_LE(stats(0).tx_completed, 21u + ids.size());
        expect_other_pair_works();
        start();  // the device still has what the driver had to take for used
    }
    void break_transmitq(const std::function<void(Lane&)>& fault) {
        misuse_transmitq(fault);
        expect_broken(0, 1);
    }
    void misuse_transmitq(const std::function<void(Lane&)>& fault) {
        start();
        with_lane([](Lane& lane) { lane.completion.hold = true; });
        Batch batch;
        make(*faulty, batch, 13);
        faulty->send(batch);
        with_lane([&](Lane& lane) {
            lane.process_transmitq();
            fault(lane);
        });
        for (int i = 0; i < 4 && faulty->status() == PairState::active; ++i) {
            make(*faulty, batch, size);
            faulty->send(batch);
        }
    }

    std::optional<QueuePair> faulty;
    std::optional<QueuePair> sound;
};

class ConformanceMergeableFaults : public ConformanceFaults {};
class ConformancePackedFaults : public ConformanceFaults {};

TEST_P(ConformanceFaults, UsedIdOutsideTheRing) {
    break_receiveq([](Lane& lane) { lane.receive_ring.write_used(size, 100); });
    break_receiveq([](Lane& lane) { lane.receive_ring.write_used(0xffff, 100); });
    write_wrong_id({size});
    if (!GetParam().packed) break_receiveq([](Lane& lane) { lane.receive_ring.write_used(0x10000, 100); });
}

TEST_P(ConformanceFaults, UsedIdNotOutstanding) {
    write_wrong_id({2});
    write_wrong_id({4});
}

TEST_P(ConformanceFaults, TheSameIdTwice) {
    break_receiveq([](Lane& lane) {
        lane.receiveq.fetch_all();
        const auto id = lane.receiveq.take_held();
        ASSERT_TRUE(id);
        lane.receive_ring.write_used(*id, 100);
        lane.receive_ring.write_used(*id, 100);
    });
    write_wrong_id({5, 5});
}

TEST_P(ConformanceFaults, MoreUsedThanThereWere) {
    if (!GetParam().packed) {
        break_receiveq([](Lane& lane) { lane.receive_ring.move_used_index(size + 1); });
        break_receiveq([](Lane& lane) { lane.receive_ring.move_used_index(-1); });
        break_transmitq([](Lane& lane) { lane.transmit_ring.move_used_index(14); });
        return;
    }
    // What is marked used beyond the outstanding ones is not looked at: in the end three packets are back.
    with_lane([](Lane& lane) { lane.completion.hold = true; });
    Batch batch;
    make(*faulty, batch, 3);
    ASSERT_EQ(faulty->send(batch), 3u);
    with_lane([](Lane& lane) {
        lane.process_transmitq();
        lane.transmit_ring.move_used_index(size);
    });
    make(*faulty, batch, size);
    faulty->send(batch);
    make(*faulty, batch, size);
    faulty->send(batch);
    EXPECT_LE(stats(0).tx_completed, 24u);
    expect_other_pair_works();
}

TEST_P(ConformanceFaults, RewrittenDescriptorsChangeNothing) {
    Batch batch;
    for (int round = 0; round < 5; ++round) {
        with_lane([](Lane& lane) {
            lane.receiveq.fetch_all();
            lane.receive_ring.scramble_descriptors();
        });
        const auto delivered = deliver(much);
        ASSERT_EQ(receive_all(*faulty, batch), delivered);
        ASSERT_GT(make(*faulty, batch, 10), 0u);
        with_lane([](Lane& lane) { lane.completion.hold = true; });
        ASSERT_EQ(faulty->send(batch), 10u);
        with_lane([](Lane& lane) {
            lane.process_transmitq();
            lane.transmit_ring.scramble_descriptors();
            lane.transmitq.complete_held({});
        });
        check_transmitted();
    }
    expect_all_through();
}

TEST_P(ConformanceFaults, LengthsBeyondReason) {
    const auto header = static_cast<std::uint32_t>(software::net_header_size(GetParam().features()));
    Batch batch;
    for (unsigned i = 0; i < 60; ++i) {
        const std::uint32_t wrong[] = {0, header - 1, header, 3000, 0xffffffff};
        ASSERT_TRUE(device->inject(0, software::make_frame({1, 1}, 60), {.used_length = wrong[i % 5]}));
        ASSERT_EQ(faulty->recv(batch), 0u);
        ASSERT_EQ(stats(0).drops(), i + 1);
        ASSERT_EQ(deliver(1), 1u);
        ASSERT_EQ(receive(*faulty, batch), 1u);
    }
    EXPECT_EQ(faulty->status(), PairState::active);
}

TEST_P(ConformanceMergeableFaults, NumBuffersThatIsNotTrue) {
    Batch batch;
    for (unsigned i = 0; i < 60; ++i) {
        const std::uint16_t wrong[] = {0, 0xffff, 2, 40};
        ASSERT_TRUE(device->inject(0, software::make_frame({1, 1}, 60), {.num_buffers = wrong[i % 4]}));
        ASSERT_EQ(faulty->recv(batch), 0u);
        ASSERT_EQ(stats(0).rx_drops_bad_header, i + 1);
        ASSERT_EQ(deliver(1), 1u);
        ASSERT_EQ(receive(*faulty, batch), 1u);
    }
    EXPECT_EQ(faulty->status(), PairState::active);
}

// Flags that flap, lengths and ids as they lie there: whatever the driver makes of it, it stays within its memory and
// its time.
TEST_P(ConformancePackedFaults, NonsenseInTheFlags) {
    std::minstd_rand random{9};
    Batch batch;
    for (int life = 0; life < 5; ++life) {
        batch.clear();
        start();
        for (int round = 0; round < 200; ++round) {
            with_lane([&](Lane& lane) {
                for (software::Virtqueue* ring : {&lane.receive_ring, &lane.transmit_ring})
                    ring->flip_flags(static_cast<std::uint16_t>(random() % (2 * size)),
                                     static_cast<std::uint16_t>(random() | (random() % 2 != 0 ? 0x8080u : 0u)));
            });
            faulty->recv(batch);
            ASSERT_LE(batch.size(), size);
            make(*faulty, batch, 2);
            faulty->send(batch);
        }
        expect_other_pair_works();
    }
    close(batch);
}

TEST_P(ConformanceFaults, RandomUsedElements) {
    std::mt19937 random{13};
    int broken = 0;
    const auto number = [&random](std::uint32_t most) { return static_cast<std::uint32_t>(random() % (most + 1)); };
    Batch batch;
    for (int life = 0; life < 10; ++life) {
        batch.clear();
        start();
        for (int round = 0; round < 50; ++round) {
            with_lane([&](Lane& lane) {
                lane.receive_ring.write_used(number(size), number(2100));
                lane.transmit_ring.write_used(number(size), number(0xffff));
            });
            for (int i = 0; i < 3; ++i) faulty->recv(batch);
            make(*faulty, batch, 2);
            faulty->send(batch);
        }
        broken += faulty->status() == PairState::broken ? 1 : 0;
        expect_other_pair_works();
    }
    EXPECT_GT(broken, 0);
    close(batch);
}

// What INDIRECT_DESC and EVENT_IDX change has no part in these.
constexpr auto ring_forms = [](const Form& form) { return form.indirect == form.event_idx; };

INSTANTIATE_TEST_SUITE_P(Forms, ConformanceFaults, ::testing::ValuesIn(forms(ring_forms)), form_name);
INSTANTIATE_TEST_SUITE_P(Forms, ConformanceMergeableFaults, ::testing::ValuesIn(forms([](const Form& form) {
                             return ring_forms(form) && form.mergeable;
                         })),
                         form_name);
INSTANTIATE_TEST_SUITE_P(Forms, ConformancePackedFaults,
                         ::testing::ValuesIn(forms([](const Form& form) { return ring_forms(form) && form.packed; })),
                         form_name);

}  // namespace
}  // namespace vmq
