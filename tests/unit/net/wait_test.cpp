// Waiting: why it ends, that no wake-up is lost, and what interrupts cost and count.
#include <poll.h>

#include "tests/device/traffic.hpp"
#include "tests/unit/net/fixture.hpp"

namespace vmq {
namespace {

using Clock = std::chrono::steady_clock;
using software::make_frame;

class NetWait : public NetTest, public ::testing::WithParamInterface<bool> {
protected:
    // The parameter: with EVENT_IDX.
    void SetUp() override {
        options.ring_size = 64;
        if (!GetParam()) options.refused_features = {"EVENT_IDX"};
    }
};

TEST_P(NetWait, ReadyAtOnceWhenSomethingIsThere) {
    QueuePair pair = open().take_queue_pair(0);
    ASSERT_TRUE(device->inject(0, make_frame({}, 60)));
    EXPECT_EQ(pair.wait(-1ns), WakeReason::ready);
    EXPECT_EQ(pair.wait(0ns), WakeReason::ready) << "as long as nobody has received it";
    EXPECT_EQ(stats(0).wakeups, 0u);
}

TEST_P(NetWait, TimesOut) {
    QueuePair pair = open().take_queue_pair(0);
    const auto start = Clock::now();
    EXPECT_EQ(pair.wait(30ms), WakeReason::timeout);
    EXPECT_GE(Clock::now() - start, 30ms);
    EXPECT_EQ(pair.wait(0ns), WakeReason::timeout);
}

TEST_P(NetWait, RoomInTheTransmitqEndsIt) {
    QueuePair pair = open().take_queue_pair(0);
    Batch batch;
    for (int i = 0; i < 2; ++i) {
        while (!batch.full()) ASSERT_TRUE(add_frame(pair, batch, make_frame({}, 60)));
        pair.send(batch);
    }
    ASSERT_EQ(batch.size(), 64u);
    EXPECT_EQ(pair.wait(20ms), WakeReason::timeout);
    const std::jthread later{[&] {
        std::this_thread::sleep_for(20ms);
        device->step();
    }};
    const auto start = Clock::now();
    EXPECT_EQ(pair.wait(10s), WakeReason::ready);
    EXPECT_LT(Clock::now() - start, 900ms);
    EXPECT_EQ(pair.send(batch), 64u);
}

TEST_P(NetWait, NoInterruptsWhileNobodyWaits) {
    QueuePair pair = open().take_queue_pair(0);
    EXPECT_EQ(pair.wait(1ms), WakeReason::timeout);
    Batch batch;
    for (int i = 0; i < 200; ++i) {
        ASSERT_TRUE(device->inject(0, make_frame({}, 60)));
        ASSERT_EQ(pair.recv(batch), 1u);
        ASSERT_EQ(pair.send(batch), 1u);
        device->step();
    }
    // One may come for what was asked for before the last wait ended.
    EXPECT_LE(device->interrupts().count(2), 1u);
    EXPECT_LE(device->interrupts().count(3), 1u);
}

// faults.md 21
TEST_P(NetWait, ALostInterruptDelaysButDoesNotHang) {
    QueuePair pair = open().take_queue_pair(0);
    device->interrupts().set_mode(software::InterruptMode::lost);
    const std::jthread later{[&] {
        std::this_thread::sleep_for(20ms);
        EXPECT_TRUE(device->inject(0, make_frame({}, 60)));
    }};
    EXPECT_EQ(pair.wait(10s), WakeReason::ready);
}

TEST_P(NetWait, AStormDoesNotShortenTheWait) {
    QueuePair pair = open().take_queue_pair(0);
    const std::jthread storm{[&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            device->interrupts().raise({2});
            std::this_thread::sleep_for(200us);
        }
    }};
    for (int i = 0; i < 5; ++i) {
        const auto start = Clock::now();
        EXPECT_EQ(pair.wait(20ms), WakeReason::timeout);
        EXPECT_GE(Clock::now() - start, 20ms);
    }
    // And the wake-up that told of the pair's becoming active.
    EXPECT_LE(stats(0).wakeups, device->interrupts().count(2) + 1) << "an interrupt wakes at most once";
    Batch batch;
    device->interrupts().set_mode(software::InterruptMode::storm);
    ASSERT_TRUE(device->inject(0, make_frame({}, 60)));
    EXPECT_EQ(pair.wait(1s), WakeReason::ready);
    EXPECT_EQ(pair.recv(batch), 1u);
}

TEST_P(NetWait, SpuriousInterruptsAreCounted) {
    QueuePair pair = open().take_queue_pair(0);
    for (int i = 0; i < 7; ++i) device->interrupts().raise({2});
    for (int i = 0; i < 3; ++i) device->interrupts().raise({3});
    EXPECT_EQ(vmq->interrupts().vectors.at(2).eventfd_sum, 7u) << "also while nobody has read them";
    EXPECT_EQ(pair.wait(5ms), WakeReason::timeout);
    EXPECT_EQ(stats(0).rx_interrupts, 7u);
    EXPECT_EQ(stats(0).tx_interrupts, 3u);
    EXPECT_EQ(vmq->interrupts().vectors.at(2).eventfd_sum, 7u);
    EXPECT_EQ(vmq->interrupts().vectors.at(2).owner, "rx-0");
}

// One packet at a time goes around between two sleepers: a wake-up lost on either side stalls it for good, or until
// the driver's own look after a second.
TEST_P(NetWait, NoWakeUpIsLost) {
    open();
    software::Traffic traffic{*device, {.flows = 1, .window = 1, .packets_per_flow = 3000, .length = 60}};
    RunningDevice running{*device, 1};
    std::atomic<int> late{0};
    {
        const Owner echo{*vmq, 0, [&](QueuePair& pair) {
                             Batch batch;
                             if (pair.recv(batch) != 0) {
                                 pair.send(batch);
                                 return;
                             }
                             const auto start = Clock::now();
                             pair.wait(2s);
                             if (Clock::now() - start > 900ms && traffic.sent() < 3000) ++late;
                         }};
        device->set_backend(&traffic);
        EXPECT_TRUE(eventually([&] { return traffic.returned() == 3000; }, 60s)) << traffic.returned();
    }
    EXPECT_EQ(late.load(), 0);
    EXPECT_EQ(traffic.doubled() + traffic.strangers(), 0u);
    running.stop();
    EXPECT_EQ(stats(0).rx_packets, 3000u);
    EXPECT_EQ(stats(0).tx_packets, 3000u);
    const InterruptTable table = vmq->interrupts();
    for (const VectorStats& row : table.vectors)
        EXPECT_EQ(row.eventfd_sum, device->interrupts().count(row.vector)) << row.owner;
    EXPECT_GT(device->interrupts().count(2), 0u);
}

TEST_P(NetWait, AnEventLoopOfTheApplicationsOwn) {
    open();
    software::Traffic traffic{*device, {.flows = 2, .window = 2, .packets_per_flow = 1000, .length = 60}};
    RunningDevice running{*device, 1};
    {
        const Owner echo{*vmq, 0, [](QueuePair& pair) {
                             Batch batch;
                             while (pair.recv(batch) != 0) pair.send(batch);
                             if (!pair.arm()) return;
                             pollfd ready{.fd = pair.event_fd(), .events = POLLIN, .revents = 0};
                             ::poll(&ready, 1, 500);
                         }};
        device->set_backend(&traffic);
        EXPECT_TRUE(eventually([&] { return traffic.returned() == 2000; }, 60s)) << traffic.returned();
    }
    running.stop();
}

INSTANTIATE_TEST_SUITE_P(EventIdx, NetWait, ::testing::Bool());

class NetStop : public NetTest {};

// 25
TEST_F(NetStop, OwnersAreToldWhenTheSystemWantsTheDevice) {
    open();
    std::atomic<bool> told{false};
    const std::jthread owner{[&] {
        QueuePair pair = vmq->take_queue_pair(0);
        Batch batch;
        told = pair.wait(-1ns) == WakeReason::stopped;
        EXPECT_EQ(pair.recv(batch), 0u);
        EXPECT_EQ(pair.wait(-1ns), WakeReason::stopped) << "and again";
        EXPECT_EQ(pair.status(), PairState::stopped);
    }};
    EXPECT_TRUE(eventually([&] { return vmq->info().pairs[0].thread_id != 0; }));
    device->ask_back();
    EXPECT_TRUE(eventually([&] { return told.load(); }));
    EXPECT_TRUE(eventually([&] { return device->status() == 0; })) << "the device was reset";
}

}  // namespace
}  // namespace vmq
