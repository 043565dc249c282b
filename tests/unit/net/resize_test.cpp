// Changing the number of queue pairs: what owners are told and asked, and what becomes of their packets.
#include <future>

#include "tests/unit/net/resize_fixture.hpp"

namespace vmq {
namespace {

using software::make_frame;
using Clock = std::chrono::steady_clock;

TEST_F(NetResize, PairsWithoutOwnersComeAndGo) {
    open();
    for (const unsigned count : {4u, 2u, 3u, 1u, 1u, 4u, 1u}) {
        EXPECT_FALSE(resize(count)) << count;
        expect_pairs(count);
        EXPECT_EQ(device->pairs_in_use(), count);
    }
    EXPECT_EQ(vmq->stats().control_commands, 6u) << "none for a number that is in force";
    EXPECT_EQ(vmq->stats().control_failures, 0u);
}

TEST_F(NetResize, EveryPairInUseWorks) {
    open();
    EXPECT_FALSE(resize(4));
    for (unsigned index = 0; index < 4; ++index) {
        QueuePair pair = vmq->take_queue_pair(index);
        expect_works(pair, index);
    }
    EXPECT_FALSE(resize(1));
    EXPECT_FALSE(resize(4));
    for (unsigned index = 0; index < 4; ++index) {
        QueuePair pair = vmq->take_queue_pair(index);
        expect_works(pair, index);
    }
}

TEST_F(NetResize, NumbersOutsideTheRangeChangeNothing) {
    open();
    for (const unsigned count : {0u, 5u, 70000u, ~0u}) {
        std::string what;
        EXPECT_EQ(resize(count, &what), make_error_code(Errc::out_of_range));
        EXPECT_NE(what.find(std::to_string(count)), std::string::npos) << what;
        expect_pairs(1);
    }
    EXPECT_EQ(device->commands(), 0u);
}

TEST_F(NetResize, APairIsExclusive) {
    open();
    {
        const QueuePair pair = vmq->take_queue_pair(1);
        EXPECT_EQ(error_of([&] { static_cast<void>(vmq->take_queue_pair(1)); }), make_error_code(Errc::busy));
        EXPECT_EQ(pair.index(), 1u);
        EXPECT_FALSE(pair.active());
        EXPECT_EQ(pair.status(), PairState::parked);
    }
    EXPECT_FALSE(error_of([&] { static_cast<void>(vmq->take_queue_pair(1)); }));
    EXPECT_EQ(error_of([&] { static_cast<void>(vmq->take_queue_pair(4)); }), make_error_code(Errc::out_of_range));
}

TEST_F(NetResize, AnOwnerThatNeverCallsInIsNamed) {
    options.queue_pairs = 4;
    open();
    QueuePair second = vmq->take_queue_pair(1);
    QueuePair third = vmq->take_queue_pair(2);
    const Owner fourth{*vmq, 3, drop_packets};
    std::string what;
    EXPECT_EQ(resize(3), std::error_code{}) << "the pairs that stay are not asked";
    EXPECT_EQ(resize(2, &what), make_error_code(Errc::owner_timeout));
    EXPECT_NE(what.find("queue pair 2"), std::string::npos) << what;
    expect_pairs(3);
    EXPECT_EQ(device->commands(), 2u) << "the device was not asked";
    expect_works(second, 1);
    expect_works(third, 2);
}

TEST_F(NetResize, AnOwnerInWaitIsWokenAndParked) {
    options.queue_pairs = 2;
    open();
    std::vector<WakeReason> reasons;
    std::atomic<std::size_t> waits{0};
    std::atomic<bool> holds{false};
    std::jthread owner{[&] {
        QueuePair pair = vmq->take_queue_pair(1);
        holds = true;
        for (int i = 0; i < 3; ++i) {
            reasons.push_back(pair.wait(-1ns));
            ++waits;
        }
        Batch batch;
        EXPECT_EQ(pair.recv(batch), 1u);
    }};
    ASSERT_TRUE(eventually([&] { return holds.load(); }));
    const auto start = Clock::now();
    EXPECT_FALSE(resize(1));
    EXPECT_LT(Clock::now() - start, options.command_deadline);
    EXPECT_TRUE(eventually([&] { return waits == 1; }));
    std::this_thread::sleep_for(50ms);
    EXPECT_EQ(waits, 1u) << "parked is told once";
    EXPECT_FALSE(resize(2));
    EXPECT_TRUE(eventually([&] { return waits == 2; })) << "being active again ends the wait";
    ASSERT_TRUE(device->inject(1, make_frame({}, 60)));
    owner.join();
    EXPECT_EQ(reasons, (std::vector{WakeReason::parked, WakeReason::ready, WakeReason::ready}));
}

TEST_F(NetResize, WhatWasDeliveredBeforeIsHandedOut) {
    options.queue_pairs = 2;
    open();
    QueuePair pair = vmq->take_queue_pair(1);
    for (std::uint64_t i = 0; i < 50; ++i) ASSERT_TRUE(device->inject(1, make_frame({1, i}, 60)));
    auto resized = std::async(std::launch::async, [&] { return resize(1); });
    Batch none;
    while (pair.status() != PairState::parked) {
        pair.allocate(none, 1);  // calls in without receiving
        none.clear();
        std::this_thread::sleep_for(1ms);
    }
    EXPECT_FALSE(resized.get());
    EXPECT_FALSE(pair.active());
    EXPECT_EQ(pair.wait(1s), WakeReason::ready);
    Batch batch;
    ASSERT_EQ(pair.recv(batch), 50u);
    for (std::uint64_t i = 0; i < 50; ++i) EXPECT_EQ(bytes_of(batch[i]), make_frame({1, i}, 60));
    EXPECT_EQ(pair.wait(1s), WakeReason::parked);
    EXPECT_EQ(pair.wait(10ms), WakeReason::timeout);
}

TEST_F(NetResize, WhatWasSentBeforeLeavesBeforeTheCommand) {
    options.queue_pairs = 2;
    open();
    QueuePair pair = vmq->take_queue_pair(1);
    Batch batch;
    for (std::uint64_t i = 0; i < 40; ++i) ASSERT_TRUE(add_frame(pair, batch, make_frame({1, i}, 60)));
    ASSERT_EQ(pair.send(batch), 40u);
    auto resized = std::async(std::launch::async, [&] { return resize(1); });
    const auto until = Clock::now() + 100ms;
    while (Clock::now() < until) {
        EXPECT_EQ(pair.recv(batch), 0u);
        std::this_thread::sleep_for(1ms);
    }
    EXPECT_EQ(device->commands(), 1u) << "only the one that opened two pairs";
    EXPECT_EQ(pair.status(), PairState::draining);
    device->step();
    while (pair.status() != PairState::parked) pair.recv(batch);
    EXPECT_FALSE(resized.get());
    EXPECT_EQ(device->take_transmitted(1).size(), 40u);
    EXPECT_EQ(device->thrown_away(), 0u);
}

TEST_F(NetResize, ATransmitqThatNeverEmptiesIsAnOwnerTimeoutAndNothingIsLost) {
    options.queue_pairs = 2;
    open();
    QueuePair pair = vmq->take_queue_pair(1);
    Batch batch;
    ASSERT_TRUE(add_frame(pair, batch, make_frame({}, 60)));
    ASSERT_EQ(pair.send(batch), 1u);
    auto resized = std::async(std::launch::async, [&] { return resize(1); });
    while (resized.wait_for(0s) != std::future_status::ready) pair.recv(batch);
    EXPECT_EQ(resized.get(), make_error_code(Errc::owner_timeout));
    expect_pairs(2);
    device->step();
    EXPECT_EQ(device->take_transmitted(1).size(), 1u);
    expect_works(pair, 1);
}

TEST_F(NetResize, AParkedPairSendsThroughPairZero) {
    options.queue_pairs = 2;
    open();
    QueuePair parked = vmq->take_queue_pair(1);
    auto resized = std::async(std::launch::async, [&] { return resize(1); });
    Batch batch;
    while (resized.wait_for(0s) != std::future_status::ready) parked.recv(batch);
    ASSERT_FALSE(resized.get());

    for (std::uint64_t i = 0; i < 30; ++i) ASSERT_TRUE(add_frame(parked, batch, make_frame({1, i}, 60)));
    EXPECT_EQ(parked.send(batch), 0u) << "nobody has pair 0";
    ASSERT_EQ(batch.size(), 30u);
    QueuePair first = vmq->take_queue_pair(0);
    EXPECT_EQ(parked.send(batch), 30u);
    EXPECT_TRUE(batch.empty());
    EXPECT_EQ(first.wait(20ms), WakeReason::timeout);
    device->step();
    const auto sent = device->take_transmitted(0);
    ASSERT_EQ(sent.size(), 30u);
    for (std::uint64_t i = 0; i < 30; ++i) EXPECT_EQ(sent[i], make_frame({1, i}, 60));
    EXPECT_EQ(stats(1).tx_relayed, 30u);
    EXPECT_EQ(stats(0).tx_packets, 30u);
}

TEST_F(NetResize, WhatAParkedPairSendsWakesTheOwnerOfPairZero) {
    open();
    ASSERT_FALSE(resize(2));
    ASSERT_FALSE(resize(1));
    QueuePair parked = vmq->take_queue_pair(1);
    std::atomic<bool> done{false};
    const Owner first{*vmq, 0, [&](QueuePair& pair) {
                          if (!done) pair.wait(-1ns);
                      }};
    std::this_thread::sleep_for(20ms);
    Batch batch;
    ASSERT_TRUE(add_frame(parked, batch, make_frame({}, 60)));
    const auto start = Clock::now();
    ASSERT_EQ(parked.send(batch), 1u);
    EXPECT_TRUE(eventually([&] { return device->step(); }));
    EXPECT_LT(Clock::now() - start, 800ms) << "found when the owner looked by itself";
    EXPECT_EQ(device->take_transmitted(0).size(), 1u);
    // Ends the last wait.
    done = true;
    ASSERT_TRUE(device->inject(0, make_frame({}, 60)));
}

TEST_F(NetResize, APairNeverUsedWaitsAndHasNoPackets) {
    open();
    QueuePair pair = vmq->take_queue_pair(3);
    Batch batch;
    EXPECT_EQ(pair.recv(batch), 0u);
    EXPECT_EQ(pair.allocate(batch, 1), 0u);
    EXPECT_EQ(pair.wait(5ms), WakeReason::timeout);
    EXPECT_FALSE(resize(4));
    EXPECT_EQ(pair.wait(5s), WakeReason::ready);
    expect_works(pair, 3);
}

}  // namespace
}  // namespace vmq
