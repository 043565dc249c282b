// In which order, in what parts and in what batches the software device gives buffers back.
#include <gtest/gtest.h>

#include "tests/unit/device/bare_driver.hpp"

namespace vmq::software {
namespace {

class DeviceOrder : public ::testing::TestWithParam<BareRings> {
protected:
    void TearDown() override { EXPECT_TRUE(device.violations().empty()) << device.violations()[0]; }

    // Packets in 1, 2, 3, 1, … descriptors, taken by the device and not given back.
    std::vector<std::uint32_t> send_and_hold(unsigned count) {
        device.with_lane(0, [](Lane& lane) { lane.completion = {.hold = true}; });
        std::vector<std::uint32_t> ids;
        for (unsigned i = 0; i < count; ++i)
            ids.push_back(driver.send(0, frame, static_cast<std::uint16_t>(i), i % 3 + 1, (i + round) % 2 == 0));
        EXPECT_TRUE(device.step());
        EXPECT_EQ(device.take_transmitted(0).size(), count);
        EXPECT_FALSE(driver.transmitq(0).ring->take_used());
        ++round;
        return ids;
    }
    template <typename Use>
    void with_transmitq(Use use) {
        device.with_lane(0, [&](Lane& lane) { use(lane.transmitq); });
    }
    std::vector<std::uint32_t> taken_back() {
        std::vector<std::uint32_t> ids;
        while (const auto used = driver.transmitq(0).ring->take_used()) ids.push_back(used->id);
        return ids;
    }

    NetDevice device{{.features = GetParam().features()}};
    BareDriver driver{device, {.features = GetParam().features()}};
    Frame frame = make_frame({}, 60);
    unsigned round = 0;
};

class DeviceInOrder : public DeviceOrder {};

TEST_P(DeviceOrder, BuffersComeBackInParts) {
    for (int i = 0; i < 10; ++i) {
        const auto ids = send_and_hold(5);
        with_transmitq([](Transmitq& queue) { queue.complete_held({.used_length = 77}, 2); });
        EXPECT_EQ(taken_back(), std::vector(ids.begin(), ids.begin() + 2));
        with_transmitq([](Transmitq& queue) { queue.complete_held({}, 1); });
        EXPECT_EQ(taken_back(), std::vector(ids.begin() + 2, ids.begin() + 3));
        with_transmitq([](Transmitq& queue) { queue.complete_held({}); });
        EXPECT_EQ(taken_back(), std::vector(ids.begin() + 3, ids.end()));
        EXPECT_EQ(driver.transmitq(0).ring->free, 16u);
    }
}

TEST_P(DeviceOrder, IsTheTestsUnlessInOrder) {
    for (int i = 0; i < 10; ++i) {
        auto ids = send_and_hold(5);
        if (GetParam().in_order) {
            // What is behind one that is still held waits for it.
            with_transmitq([](Transmitq& queue) { queue.complete_at(3); });
            EXPECT_TRUE(taken_back().empty());
            with_transmitq([](Transmitq& queue) { queue.complete_held({.newest_first = true}); });
            EXPECT_EQ(taken_back(), ids);
            continue;
        }
        with_transmitq([](Transmitq& queue) { queue.complete_at(3); });
        EXPECT_EQ(taken_back(), std::vector{ids[3]});
        with_transmitq([](Transmitq& queue) { queue.complete_held({.newest_first = true}); });
        EXPECT_EQ(taken_back(), (std::vector{ids[4], ids[2], ids[1], ids[0]}));
        EXPECT_EQ(driver.transmitq(0).ring->free, 16u);
    }
}

TEST_P(DeviceOrder, IsRandomOnDemandAndTheSameForTheSameSeed) {
    const auto shuffled = [&] {
        const auto ids = send_and_hold(7);
        with_transmitq([](Transmitq& queue) {
            queue.seed(5);
            queue.complete_held({.shuffled = true});
        });
        const auto back = taken_back();
        std::vector<std::size_t> places;
        for (const auto id : back) places.push_back(static_cast<std::size_t>(std::ranges::find(ids, id) - ids.begin()));
        EXPECT_EQ(back.size(), ids.size());
        return places;
    };
    const auto first = shuffled();
    EXPECT_EQ(std::ranges::is_sorted(first), GetParam().in_order);
    EXPECT_EQ(shuffled(), first);
}

TEST_P(DeviceInOrder, ABatchIsToldByItsLastBuffer) {
    device.with_lane(0, [](Lane& lane) { lane.transmit_ring.set_batches(4); });
    for (int i = 0; i < 10; ++i) {
        const auto ids = send_and_hold(6);
        with_transmitq([](Transmitq& queue) { queue.complete_held({}); });
        const auto first = driver.transmitq(0).ring->take_used();
        ASSERT_TRUE(first);
        EXPECT_EQ(first->id, ids[3]);
        EXPECT_EQ(first->buffers, 4u);
        const auto second = driver.transmitq(0).ring->take_used();
        ASSERT_TRUE(second);
        EXPECT_EQ(second->id, ids[5]);
        EXPECT_EQ(second->buffers, 2u);
        EXPECT_FALSE(driver.transmitq(0).ring->take_used());
        EXPECT_EQ(driver.transmitq(0).ring->free, 16u);
    }
}

// Only full buffers may go without an element that says how full.
TEST_P(DeviceInOrder, AReceivedBatchSkipsFullBuffersOnly) {
    device.with_lane(0, [](Lane& lane) { lane.receive_ring.set_batches(8); });
    driver.fill_receiveq(0);
    for (int i = 0; i < 10; ++i) {
        device.with_lane(0, [&](Lane& lane) {
            ASSERT_TRUE(lane.inject(frame, {}));
            ASSERT_TRUE(lane.inject(make_frame({}, 5000), {}));
        });
        auto used = driver.receiveq(0).ring->take_used();
        ASSERT_TRUE(used);
        EXPECT_EQ(used->buffers, 1u);
        EXPECT_EQ(used->length, 72u);
        used = driver.receiveq(0).ring->take_used();
        ASSERT_TRUE(used);
        EXPECT_EQ(used->buffers, 3u);
        EXPECT_EQ(used->length, 5012 - 2 * BareQueue::buffer_size);
        EXPECT_FALSE(driver.receiveq(0).ring->take_used());
        for (int k = 0; k < 4; ++k) driver.receiveq(0).offer_for_receive(static_cast<std::uint16_t>((4 * i + k) % 16));
        driver.receiveq(0).publish();
    }
}

TEST_P(DeviceOrder, ReceiveBuffersAreFilledInAnyOrderUnlessInOrder) {
    BareQueue& queue = driver.receiveq(0);
    std::vector<std::uint32_t> ids;
    for (std::uint16_t i = 0; i < 4; ++i) ids.push_back(queue.ring->add_writable(queue.address(i), 2048));
    queue.publish();
    const bool ordered = GetParam().in_order;
    ASSERT_TRUE(device.inject(0, frame, {.held_at = 2}));
    EXPECT_EQ(queue.ring->take_used()->id, ordered ? ids[0] : ids[2]);
    // The third of those left, and when there is none behind it, none at all.
    EXPECT_EQ(device.inject(0, frame, {.held_at = 3}), ordered);
    ASSERT_TRUE(device.inject(0, frame));
    EXPECT_EQ(queue.ring->take_used()->id, ordered ? ids[1] : ids[0]);
}

TEST_P(DeviceOrder, ReceiveBuffersAreShuffled) {
    device.with_lane(0, [](Lane& lane) { lane.receiveq.shuffle(8, 3); });
    driver.fill_receiveq(0);
    bool moved = false;
    std::vector<std::uint16_t> seen;
    for (std::uint64_t i = 0; i < 300; ++i) {
        const Frame labelled = make_frame({.flow = 1, .sequence = i}, 200);
        ASSERT_TRUE(device.inject(0, labelled));
        const auto received = driver.receive(0);
        ASSERT_TRUE(received);
        EXPECT_EQ(received->bytes, labelled);
    }
    device.with_lane(0, [&](Lane& lane) {
        lane.receiveq.fetch_all();
        while (const auto id = lane.receiveq.take_held()) seen.push_back(driver.receiveq(0).buffer_of_id[*id]);
    });
    for (std::size_t i = 0; i < seen.size(); ++i) moved |= seen[i] != (seen[0] + i) % 16;
    EXPECT_EQ(moved, !GetParam().in_order);
}

INSTANTIATE_TEST_SUITE_P(Rings, DeviceOrder, ::testing::ValuesIn(all_bare_rings), ring_name);
INSTANTIATE_TEST_SUITE_P(Rings, DeviceInOrder,
                         ::testing::ValuesIn(bare_rings([](const BareRings& rings) { return rings.in_order; })),
                         ring_name);

}  // namespace
}  // namespace vmq::software
