// Packets through the software device, driven by bare rings.
#include <gtest/gtest.h>

#include "tests/unit/device/bare_driver.hpp"

namespace vmq::software {
namespace {

constexpr std::uint32_t header_size = sizeof(virtio::NetHeader);

class DevicePackets : public ::testing::TestWithParam<std::uint16_t> {};

TEST_P(DevicePackets, ArriveWholeAndInOrderOverTheIndexWrap) {
    NetDevice device{{.ring_start = GetParam()}};
    BareDriver driver{device, {.start = GetParam()}};
    driver.fill_receiveq(0);
    for (std::uint64_t i = 0; i < 100; ++i) {
        const Frame frame = make_frame({.flow = 3, .sequence = i}, 60 + i);
        ASSERT_TRUE(device.inject(0, frame));
        const auto received = driver.receive(0);
        ASSERT_TRUE(received);
        EXPECT_EQ(received->bytes, frame);
        EXPECT_EQ(received->header.num_buffers.value(), 1);
        EXPECT_EQ(received->used_length, header_size + frame.size());
    }
    EXPECT_TRUE(device.violations().empty()) << device.violations()[0];
}

TEST_P(DevicePackets, LeaveWholeAndInOrderOverTheIndexWrap) {
    NetDevice device{{.ring_start = GetParam()}};
    BareDriver driver{device, {.start = GetParam()}};
    for (std::uint64_t i = 0; i < 100; ++i) {
        const Frame frame = make_frame({.flow = 3, .sequence = i}, 60 + i);
        driver.send(0, frame);
        ASSERT_TRUE(device.step_notified());
        const auto sent = device.take_transmitted(0);
        ASSERT_EQ(sent.size(), 1u);
        EXPECT_EQ(sent[0], frame);
        std::array<virtio::Used, 2> used;
        EXPECT_EQ(driver.transmitq(0).ring.take_used(used), 1u);
    }
    EXPECT_EQ(device.notifications(1), 100u);
    EXPECT_TRUE(device.violations().empty()) << device.violations()[0];
}

INSTANTIATE_TEST_SUITE_P(Starts, DevicePackets, ::testing::Values(0, 0xfff0));

TEST(DevicePacketsOnce, DoNotFitWithoutBuffers) {
    NetDevice device;
    BareDriver driver{device};
    const Frame frame = make_frame({}, 60);
    EXPECT_FALSE(device.inject(0, frame));
    driver.fill_receiveq(0);
    for (int i = 0; i < 16; ++i) EXPECT_TRUE(device.inject(0, frame));
    EXPECT_FALSE(device.inject(0, frame));
    EXPECT_FALSE(device.inject(1, frame)) << "pair 1 is not in use";
}

TEST(DevicePacketsOnce, AreSpreadOverBuffersWhereThatWasNegotiated) {
    NetDevice device;
    BareDriver driver{device};
    driver.fill_receiveq(0);
    const Frame frame = make_frame({.flow = 1, .sequence = 2}, 5000);
    ASSERT_TRUE(device.inject(0, frame));
    const auto first = driver.receive(0);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->header.num_buffers.value(), 3);
    EXPECT_EQ(first->used_length, BareQueue::buffer_size);
    EXPECT_EQ(driver.receive(0)->used_length, BareQueue::buffer_size);
    EXPECT_EQ(driver.receive(0)->used_length, 5000 + header_size - 2 * BareQueue::buffer_size);

    NetDevice plain;
    virtio::FeatureSet features = usual_features;
    features.remove(virtio::Feature::mrg_rxbuf);
    BareDriver plain_driver{plain, {.features = features}};
    plain_driver.fill_receiveq(0);
    EXPECT_FALSE(plain.inject(0, frame));
}

TEST(DevicePacketsOnce, TellTheLiesThatAreAskedFor) {
    NetDevice device;
    BareDriver driver{device};
    driver.fill_receiveq(0);
    const Frame frame = make_frame({}, 300);
    ASSERT_TRUE(device.inject(0, frame, {.num_buffers = 7, .used_length = 1'000'000}));
    auto received = driver.receive(0);
    EXPECT_EQ(received->header.num_buffers.value(), 7);
    EXPECT_EQ(received->used_length, 1'000'000u);

    ASSERT_TRUE(device.inject(0, frame, {.bytes_per_buffer = 100, .buffers_left_out = 2}));
    EXPECT_EQ(driver.receive(0)->header.num_buffers.value(), 4);
    EXPECT_TRUE(driver.receive(0));
    EXPECT_FALSE(driver.receive(0));
    EXPECT_TRUE(device.violations().empty());
}

TEST(DevicePacketsOnce, HeadersOfTransmittedOnesAreChecked) {
    NetDevice device;
    BareDriver driver{device};
    BareQueue& queue = driver.transmitq(0);
    virtio::NetHeader header;
    header.gso_type = virtio::gso_type::tcpv4;
    header.num_buffers = 1;
    std::memcpy(queue.buffer(0), &header, sizeof header);
    queue.ring.add_readable(queue.segment(0, 100));
    queue.ring.add_readable(queue.segment(1, header_size));
    queue.ring.add_writable(queue.segment(2, 100));
    queue.publish();
    device.step();
    const auto texts = device.violations();
    ASSERT_EQ(texts.size(), 5u);
    EXPECT_EQ(texts[0], "transmitq0: num_buffers of a transmitted packet is not 0");
    EXPECT_EQ(texts[1], "transmitq0: a gso_type that was not negotiated");
    EXPECT_EQ(texts[2], "transmitq0: a packet of 12 bytes, header included");
    EXPECT_EQ(texts[3], "transmitq0: a writable descriptor in a packet");
}

TEST(DevicePacketsOnce, BuffersOutsideTheMemoryAreBlamed) {
    NetDevice device;
    BareDriver driver{device};
    BareQueue& queue = driver.receiveq(0);
    queue.ring.add_writable({{0x10}, 2048});
    queue.publish();
    device.step();
    ASSERT_EQ(device.violations().size(), 1u);
    EXPECT_EQ(device.violations()[0].find("receiveq0 buffer: 2048 bytes at 0x10"), 0u);
}

TEST(DevicePacketsOnce, SmallReceiveBuffersAreBlamed) {
    virtio::FeatureSet features = usual_features;
    features.remove(virtio::Feature::mrg_rxbuf);
    NetDevice device;
    BareDriver driver{device, {.features = features}};
    BareQueue& queue = driver.receiveq(0);
    queue.ring.add_writable(queue.segment(0, 1525));
    queue.ring.add_writable(queue.segment(1, 1526));
    queue.publish();
    device.step();
    ASSERT_EQ(device.violations().size(), 1u);
    EXPECT_EQ(device.violations()[0], "receiveq0: a receive buffer of 1525 bytes");
}

TEST(DevicePacketsOnce, CompletionsCanBeHeldAndReversed) {
    NetDevice device;
    BareDriver driver{device};
    const Frame frame = make_frame({}, 60);
    device.with_lane(0, [](Lane& lane) { lane.completion = {.hold = true}; });
    for (std::uint16_t i = 0; i < 4; ++i) driver.send(0, frame, i);
    device.step();
    std::array<virtio::Used, 8> used;
    EXPECT_EQ(device.take_transmitted(0).size(), 4u);
    EXPECT_EQ(driver.transmitq(0).ring.take_used(used), 0u);
    device.with_lane(0, [](Lane& lane) { lane.transmitq.complete_held({.used_length = 77, .newest_first = true}); });
    ASSERT_EQ(driver.transmitq(0).ring.take_used(used), 4u);
    EXPECT_EQ(used[0].length, 77u);
    EXPECT_EQ(driver.transmitq(0).ring.fault(), virtio::RingFault::none);
}

TEST(DevicePacketsOnce, RingFaultsReachTheDriver) {
    using Break = void (*)(Lane&);
    const struct {
        Break what;
        virtio::RingFault expected;
    } cases[] = {
        {[](Lane& lane) { lane.receive_ring.write_used(16, 60); }, virtio::RingFault::id_out_of_range},
        {[](Lane& lane) { lane.receive_ring.write_used(0xffff0000, 60); }, virtio::RingFault::id_out_of_range},
        {[](Lane& lane) { lane.receive_ring.move_used_index(17); }, virtio::RingFault::index_jump},
        {[](Lane& lane) { lane.receive_ring.move_used_index(-1); }, virtio::RingFault::index_jump},
    };
    for (const auto& fault : cases) {
        NetDevice device;
        BareDriver driver{device};
        driver.fill_receiveq(0);
        device.with_lane(0, fault.what);
        EXPECT_FALSE(driver.receive(0));
        EXPECT_EQ(driver.receiveq(0).ring.fault(), fault.expected);
    }
}

}  // namespace
}  // namespace vmq::software
