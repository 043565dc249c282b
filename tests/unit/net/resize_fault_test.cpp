// Changing the number of queue pairs on a device that refuses, is slow, or never answers: the old number stays.
#include "tests/unit/net/resize_fixture.hpp"

namespace vmq {
namespace {

using Answer = software::ControlBehaviour::Answer;
using Clock = std::chrono::steady_clock;

// With split rings, and with packed ones.
class NetResizeFault : public NetResize, public ::testing::WithParamInterface<bool> {
protected:
    Device& open() {
        software::NetConfig config;
        if (GetParam()) config.features.add(virtio::Feature::ring_packed);
        return NetResize::open(config);
    }
};

// faults.md 17
TEST_P(NetResizeFault, ARefusalLeavesTheOldNumber) {
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

TEST_P(NetResizeFault, AfterARefusalThePairsThatStaySendAgain) {
    options.queue_pairs = 2;
    open();
    device->set_control({.answer = Answer::refuse});
    EXPECT_EQ(resize(1), make_error_code(Errc::device_refused));
    QueuePair second = vmq->take_queue_pair(1);
    expect_works(second, 1);
}

TEST_P(NetResizeFault, AfterARefusalTheSameMayBeAskedAgain) {
    open();
    QueuePair third = vmq->take_queue_pair(2);
    device->set_control({.answer = Answer::refuse});
    EXPECT_EQ(resize(3), make_error_code(Errc::device_refused));
    EXPECT_EQ(resize(4), make_error_code(Errc::device_refused));
    device->set_control({});
    EXPECT_FALSE(resize(3));
    for (int i = 0; i < 200; ++i) expect_works(third, 2);
}

TEST_P(NetResizeFault, AnAnswerThatIsNeitherIsARefusal) {
    open();
    device->set_control({.acknowledgement = 99});
    EXPECT_EQ(resize(2), make_error_code(Errc::device_refused));
    expect_pairs(1);
}

// 2.7.8.3: what lies beyond the length is not looked at.
TEST_P(NetResizeFault, AnAnswerThatTheDeviceSaysItHasNotWrittenIsNone) {
    open();
    device->set_control({.length = 0});
    EXPECT_EQ(resize(2), make_error_code(Errc::bad_device));
    expect_pairs(1);
    EXPECT_FALSE(vmq->info().control_queue_usable) << "what the device has done is not known";
    open();
    device->set_control({.length = 0xffff'ffff});
    EXPECT_FALSE(resize(2));
    expect_pairs(2);
}

// 18 and 19
TEST_P(NetResizeFault, WithoutAnAnswerTheOldNumberStaysAndTheControlQueueIsGivenUp) {
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

// The device may carry the command out at any time, so pair 1 must not transmit; what it is given, pair 0 sends.
TEST_P(NetResizeFault, AShrinkThatTheDeviceDoesLateLosesNothing) {
    options.queue_pairs = 2;
    open();
    QueuePair first = vmq->take_queue_pair(0);
    device->set_control({.answer = Answer::withhold});
    EXPECT_EQ(resize(1), make_error_code(Errc::device_timeout));
    EXPECT_EQ(vmq->queue_pairs(), 2u);
    EXPECT_EQ(vmq->stats().pairs[1].state, PairState::draining);
    expect_works(first, 0);
    QueuePair second = vmq->take_queue_pair(1);
    Batch batch;
    ASSERT_TRUE(add_frame(second, batch, software::make_frame({1, 1}, 60)));
    EXPECT_EQ(second.send(batch), 1u);
    Batch received;
    EXPECT_EQ(first.recv(received), 0u);
    device->step();
    EXPECT_EQ(device->take_transmitted(0).size(), 1u);
    EXPECT_TRUE(device->answer_withheld());
    EXPECT_EQ(device->pairs_in_use(), 1u);
    expect_works(first, 0);
    EXPECT_EQ(resize(2), std::error_code{}) << "it is in force as far as the driver knows";
    EXPECT_EQ(resize(3), make_error_code(Errc::control_queue_unusable));
}

TEST_P(NetResizeFault, AnAnswerAfterTheDeviceWasClosedIsHarmless) {
    open();
    device->set_control({.answer = Answer::withhold});
    EXPECT_EQ(resize(3), make_error_code(Errc::device_timeout));
    vmq.reset();
    EXPECT_FALSE(device->answer_withheld()) << "the reset took the command back";
}

TEST_P(NetResizeFault, ASlowAnswerIsWaitedFor) {
    open();
    device->set_control({.delay = 100ms});
    EXPECT_FALSE(resize(4));
    expect_pairs(4);
}

TEST_P(NetResizeFault, TheControlQueueIsLookedAtWithoutItsInterrupt) {
    open();
    device->interrupts().set_mode(software::InterruptMode::lost);
    EXPECT_FALSE(resize(4));
    EXPECT_FALSE(resize(1));
}

INSTANTIATE_TEST_SUITE_P(Rings, NetResizeFault, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Packed" : "Split"; });

}  // namespace
}  // namespace vmq
