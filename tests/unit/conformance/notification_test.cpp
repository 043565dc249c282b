// Every form in which device and driver ask for fewer notifications: those that are owed come, the others do not.
#include "tests/unit/conformance/fixture.hpp"

namespace vmq {
namespace {

class ConformanceNotification : public Conformance {
protected:
    [[nodiscard]] std::uint64_t rung() const { return stats(0).tx_notifies; }
    void send_burst(QueuePair& pair, Batch& batch, std::size_t count) {
        ASSERT_EQ(make(pair, batch, count), count);
        ASSERT_EQ(pair.send(batch), count);
    }
    void serve() {
        device->step();
        check_transmitted();
    }
};

class ConformanceEvents : public ConformanceNotification {};
class ConformancePackedEvents : public ConformanceNotification {};

TEST_P(ConformanceNotification, TheDeviceAsksForNone) {
    QueuePair pair = open_form(32).take_queue_pair(0);
    Batch batch;
    for (std::size_t i = 0; i < 100; ++i) {
        with_lane([](software::Lane& lane) { EXPECT_TRUE(lane.transmit_ring.want_notifications(false)); });
        const auto before = rung();
        send_burst(pair, batch, 1 + i % 7);
        ASSERT_EQ(rung(), before);
        // Asked too late: the device has to look itself.
        with_lane([](software::Lane& lane) { EXPECT_FALSE(lane.transmit_ring.want_notifications(true)); });
        serve();
        with_lane([](software::Lane& lane) { EXPECT_TRUE(lane.transmit_ring.want_notifications(true)); });
        send_burst(pair, batch, 1 + i % 5);
        ASSERT_EQ(rung(), before + 1) << "one for a burst";
        serve();
    }
    expect_all_through();
}

TEST_P(ConformanceEvents, TheDeviceAsksForOneAtAPlace) {
    QueuePair pair = open_form(16).take_queue_pair(0);
    Batch batch;
    for (std::uint16_t i = 0; i < 100; ++i) {
        const auto ahead = static_cast<std::uint16_t>(i % 9);
        const std::size_t first = 1 + i % 5;
        with_lane([&](software::Lane& lane) { EXPECT_TRUE(lane.transmit_ring.want_notification_after(ahead)); });
        const auto before = rung();
        send_burst(pair, batch, first);
        ASSERT_EQ(rung() - before, first > ahead ? 1u : 0u) << "after " << ahead << ", sent " << first;
        send_burst(pair, batch, 9);
        ASSERT_EQ(rung() - before, 1u) << "reached now, or passed before";
        serve();
    }
    expect_all_through();
}

TEST_P(ConformancePackedEvents, TheDeviceAsksForAllWhereItCouldNameAPlace) {
    QueuePair pair = open_form(16).take_queue_pair(0);
    with_lane([](software::Lane& lane) {
        lane.transmit_ring.ask_without_events();
        EXPECT_TRUE(lane.transmit_ring.want_notifications(true));
    });
    Batch batch;
    for (std::size_t i = 0; i < 50; ++i) {
        const auto before = rung();
        for (std::size_t n = 1; n < 4; ++n) send_burst(pair, batch, n);
        ASSERT_EQ(rung() - before, 3u);
        serve();
    }
}

// The receive vector: asked for by arm(), silent otherwise, and never both silent and armed when something is there.
TEST_P(ConformanceNotification, TheDriverAsksForInterrupts) {
    QueuePair pair = open_form(16).take_queue_pair(0);
    const auto vector = static_cast<unsigned>(vmq->info().pairs[0].rx_vector);
    const auto raised = [&] { return device->interrupts().count(vector); };
    Batch batch;
    ASSERT_TRUE(pair.arm());
    for (std::size_t i = 0; i < 100; ++i) {
        const auto before = raised();
        const std::size_t first = 1 + i % 4;
        for (std::size_t n = 0; n < first; ++n) ASSERT_EQ(deliver(1), 1u);
        // With EVENT_IDX for the first one only; flags ask for all until they are taken back.
        ASSERT_GE(raised() - before, 1u);
        ASSERT_LE(raised() - before, GetParam().event_idx ? 1u : first);
        EXPECT_FALSE(pair.arm()) << "there is something to receive";
        ASSERT_EQ(receive(pair, batch), first);
        // wait ends at once with nothing to wait for, and leaves the vector silent.
        EXPECT_EQ(pair.wait(0ns), WakeReason::timeout);
        const auto disarmed = raised();
        ASSERT_EQ(deliver(2), 2u);
        EXPECT_EQ(pair.wait(0ns), WakeReason::ready);
        EXPECT_LE(raised() - disarmed, GetParam().event_idx ? 1u : 0u);
        ASSERT_EQ(receive(pair, batch), 2u);
        ASSERT_TRUE(pair.arm());
    }
    expect_all_through();
}

// The transmit vector, for a sender that found the ring full.
TEST_P(ConformanceNotification, RoomWakesASender) {
    QueuePair pair = open_form(16).take_queue_pair(0);
    const auto vector = static_cast<unsigned>(vmq->info().pairs[0].tx_vector);
    with_lane([](software::Lane& lane) { lane.completion.hold = true; });
    Batch batch;
    for (int i = 0; i < 30; ++i) {
        while (pair.send(batch) != 0 || batch.empty()) make(pair, batch, 8);
        with_lane([](software::Lane& lane) { lane.process_transmitq(); });
        EXPECT_EQ(pair.wait(0ns), WakeReason::timeout);
        ASSERT_TRUE(pair.arm());
        const auto before = device->interrupts().count(vector);
        with_lane([](software::Lane& lane) { lane.transmitq.complete_held({}); });
        ASSERT_GE(device->interrupts().count(vector), before + 1);
        EXPECT_EQ(pair.wait(0ns), WakeReason::ready);
        check_transmitted();
    }
    with_lane([](software::Lane& lane) { lane.completion.hold = false; });
    send_whole(pair, batch);
    expect_all_through();
}

INSTANTIATE_TEST_SUITE_P(Forms, ConformanceNotification, ::testing::ValuesIn(forms(any_form)), form_name);
INSTANTIATE_TEST_SUITE_P(Forms, ConformanceEvents,
                         ::testing::ValuesIn(forms([](const Form& form) { return form.event_idx; })), form_name);
// A split ring has one way to ask, a packed one with EVENT_IDX two.
INSTANTIATE_TEST_SUITE_P(Forms, ConformancePackedEvents,
                         ::testing::ValuesIn(forms([](const Form& form) { return form.packed && form.event_idx; })),
                         form_name);

}  // namespace
}  // namespace vmq
