// Changing the number of queue pairs: whole or not at all, whatever device and owners do meanwhile.
#include <future>

#include "tests/unit/net/fixture.hpp"

namespace vmq {
namespace {

using software::make_frame;
using Answer = software::ControlBehaviour::Answer;
using Clock = std::chrono::steady_clock;

class NetResize : public NetTest {
protected:
    void SetUp() override { options.ring_size = 64; }

    std::error_code resize(unsigned count, std::string* what = nullptr) {
        return error_of([&] { vmq->set_queue_pairs(count); }, what);
    }
    void expect_pairs(unsigned count) {
        EXPECT_EQ(vmq->queue_pairs(), count);
        const Info info = vmq->info();
        for (const PairInfo& pair : info.pairs)
            EXPECT_EQ(pair.state, pair.pair < count ? PairState::active : PairState::parked) << pair.pair;
    }
    // A packet in and out again.
    void expect_works(QueuePair& pair, unsigned index) {
        Batch batch;
        ASSERT_TRUE(device->inject(index, make_frame({index, 1}, 60)));
        ASSERT_EQ(pair.recv(batch), 1u);
        ASSERT_EQ(pair.send(batch), 1u);
        device->step();
        EXPECT_EQ(device->take_transmitted(index).size(), 1u);
    }
};

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

// faults.md 17
TEST_F(NetResize, ARefusalLeavesTheOldNumber) {
    options.queue_pairs = 2;
    open();
    const Owner first{*vmq, 0, drop_packets};
    const Owner second{*vmq, 1, drop_packets};
    device->set_control({.answer = Answer::refuse});
    for (const unsigned count : {1u, 4u}) {
        EXPECT_EQ(resize(count), make_error_code(Errc::device_refused));
        expect_pairs(2);
        EXPECT_EQ(device->pairs_in_use(), 2u);
    }
    EXPECT_EQ(vmq->stats().control_failures, 2u);
    device->set_control({});
    EXPECT_FALSE(resize(1));
    expect_pairs(1);
}

TEST_F(NetResize, AfterARefusalThePairsThatStaySendAgain) {
    options.queue_pairs = 2;
    open();
    device->set_control({.answer = Answer::refuse});
    EXPECT_EQ(resize(1), make_error_code(Errc::device_refused));
    QueuePair second = vmq->take_queue_pair(1);
    expect_works(second, 1);
}

TEST_F(NetResize, AfterARefusalTheSameMayBeAskedAgain) {
    open();
    QueuePair third = vmq->take_queue_pair(2);
    device->set_control({.answer = Answer::refuse});
    EXPECT_EQ(resize(3), make_error_code(Errc::device_refused));
    EXPECT_EQ(resize(4), make_error_code(Errc::device_refused));
    device->set_control({});
    EXPECT_FALSE(resize(3));
    for (int i = 0; i < 200; ++i) expect_works(third, 2);
}

TEST_F(NetResize, AnAnswerThatIsNeitherIsARefusal) {
    open();
    device->set_control({.acknowledgement = 99});
    EXPECT_EQ(resize(2), make_error_code(Errc::device_refused));
    expect_pairs(1);
}

// 18 and 19
TEST_F(NetResize, WithoutAnAnswerTheOldNumberStaysAndTheControlQueueIsGivenUp) {
    open();
    QueuePair pair = vmq->take_queue_pair(0);
    device->set_control({.answer = Answer::withhold});
    const auto start = Clock::now();
    EXPECT_EQ(resize(3), make_error_code(Errc::device_timeout));
    EXPECT_GE(Clock::now() - start, options.command_deadline);
    EXPECT_LT(Clock::now() - start, options.command_deadline + 5s);
    expect_pairs(1);
    EXPECT_FALSE(vmq->info().control_queue_usable);
    expect_works(pair, 0);

    EXPECT_TRUE(device->answer_withheld());
    EXPECT_EQ(resize(2), make_error_code(Errc::control_queue_unusable));
    expect_pairs(1);
    expect_works(pair, 0);
    EXPECT_EQ(device->commands(), 1u);
}

TEST_F(NetResize, AShrinkThatTheDeviceDoesLateLeavesPairZeroWorking) {
    options.queue_pairs = 2;
    open();
    QueuePair first = vmq->take_queue_pair(0);
    device->set_control({.answer = Answer::withhold});
    EXPECT_EQ(resize(1), make_error_code(Errc::device_timeout));
    expect_pairs(2);
    expect_works(first, 0);
    EXPECT_TRUE(device->answer_withheld());
    EXPECT_EQ(device->pairs_in_use(), 1u);
    expect_works(first, 0);
    EXPECT_EQ(resize(2), std::error_code{}) << "it is in force as far as the driver knows";
    EXPECT_EQ(resize(3), make_error_code(Errc::control_queue_unusable));
}

TEST_F(NetResize, AnAnswerAfterTheDeviceWasClosedIsHarmless) {
    open();
    device->set_control({.answer = Answer::withhold});
    EXPECT_EQ(resize(3), make_error_code(Errc::device_timeout));
    vmq.reset();
    EXPECT_FALSE(device->answer_withheld()) << "the reset took the command back";
}

TEST_F(NetResize, ASlowAnswerIsWaitedFor) {
    open();
    device->set_control({.delay = 100ms});
    EXPECT_FALSE(resize(4));
    expect_pairs(4);
}

TEST_F(NetResize, TheControlQueueIsLookedAtWithoutItsInterrupt) {
    open();
    device->interrupts().set_mode(software::InterruptMode::lost);
    EXPECT_FALSE(resize(4));
    EXPECT_FALSE(resize(1));
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
