// Packets through the software device, driven by bare rings of every kind.
#include <gtest/gtest.h>

#include "tests/unit/device/bare_driver.hpp"

namespace vmq::software {
namespace {

constexpr std::uint32_t header_size = sizeof(virtio::NetHeader);

class DevicePackets : public ::testing::TestWithParam<std::tuple<BareRings, std::uint16_t>> {
protected:
    static virtio::FeatureSet features() { return std::get<0>(GetParam()).features(); }
    void TearDown() override { EXPECT_TRUE(device.violations().empty()) << device.violations()[0]; }

    NetDevice device{{.features = features(), .ring_start = std::get<1>(GetParam())}};
    BareDriver driver{device, {.features = features(), .start = std::get<1>(GetParam())}};
};

TEST_P(DevicePackets, ArriveWholeAndInOrderOverTheWrap) {
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
}

TEST_P(DevicePackets, LeaveWholeAndInOrderOverTheWrap) {
    for (std::uint64_t i = 0; i < 100; ++i) {
        const Frame frame = make_frame({.flow = 3, .sequence = i}, 60 + i);
        // In one piece, in several descriptors, by an indirect table.
        const std::uint16_t id = driver.send(0, frame, 0, static_cast<unsigned>(i % 3) + 1, i % 6 > 2);
        ASSERT_TRUE(device.step_notified());
        const auto sent = device.take_transmitted(0);
        ASSERT_EQ(sent.size(), 1u);
        EXPECT_EQ(sent[0], frame);
        const auto used = driver.transmitq(0).ring->take_used();
        ASSERT_TRUE(used);
        EXPECT_EQ(used->id, id);
        EXPECT_FALSE(driver.transmitq(0).ring->take_used());
        EXPECT_EQ(driver.transmitq(0).ring->free, 16u);
    }
    EXPECT_EQ(device.notifications(1), 100u);
}

INSTANTIATE_TEST_SUITE_P(Rings, DevicePackets,
                         ::testing::Combine(::testing::ValuesIn(all_bare_rings), ::testing::Values(0, 9, 31, 0xfff0)),
                         [](const auto& test) {
                             return std::get<0>(test.param).name() + "From" + std::to_string(std::get<1>(test.param));
                         });

class DeviceBuffers : public ::testing::TestWithParam<BareRings> {
protected:
    NetDevice device{{.features = GetParam().features()}};
    BareDriver driver{device, {.features = GetParam().features()}};
};

TEST_P(DeviceBuffers, PacketsDoNotFitWithoutThem) {
    const Frame frame = make_frame({}, 60);
    EXPECT_FALSE(device.inject(0, frame));
    driver.fill_receiveq(0);
    for (int i = 0; i < 16; ++i) EXPECT_TRUE(device.inject(0, frame));
    EXPECT_FALSE(device.inject(0, frame));
    EXPECT_FALSE(device.inject(1, frame)) << "pair 1 is not in use";
}

TEST_P(DeviceBuffers, ShareAPacketWhereThatWasNegotiated) {
    driver.fill_receiveq(0);
    const Frame frame = make_frame({.flow = 1, .sequence = 2}, 5000);
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(device.inject(0, frame));
        const auto first = driver.receive(0);
        ASSERT_TRUE(first);
        EXPECT_EQ(first->header.num_buffers.value(), 3);
        EXPECT_EQ(first->used_length, BareQueue::buffer_size);
        EXPECT_EQ(driver.receive(0)->used_length, BareQueue::buffer_size);
        EXPECT_EQ(driver.receive(0)->used_length, 5000 + header_size - 2 * BareQueue::buffer_size);
    }

    virtio::FeatureSet features = GetParam().features();
    features.remove(virtio::Feature::mrg_rxbuf);
    NetDevice plain;
    BareDriver plain_driver{plain, {.features = features}};
    plain_driver.fill_receiveq(0);
    EXPECT_FALSE(plain.inject(0, frame));
}

TEST_P(DeviceBuffers, TellTheLiesThatAreAskedFor) {
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
    EXPECT_TRUE(device.violations().empty()) << device.violations()[0];
}

TEST_P(DeviceBuffers, HeadersOfTransmittedPacketsAreChecked) {
    BareQueue& queue = driver.transmitq(0);
    virtio::NetHeader header;
    header.gso_type = virtio::gso_type::tcpv4;
    header.num_buffers = 1;
    std::memcpy(queue.buffer(0), &header, sizeof header);
    queue.ring->add_readable(queue.address(0), 100);
    queue.ring->add_readable(queue.address(1), header_size);
    queue.ring->add_writable(queue.address(2), 100);
    queue.publish();
    device.step();
    const std::vector<std::string> expected{
        "transmitq0: num_buffers of a transmitted packet is not 0", "transmitq0: a gso_type that was not negotiated",
        "transmitq0: a packet of 12 bytes, header included", "transmitq0: a writable descriptor in a packet",
        "transmitq0: a packet of 0 bytes, header included"};
    EXPECT_EQ(device.violations(), expected);
}

TEST_P(DeviceBuffers, OutsideTheMemoryAreBlamed) {
    BareQueue& queue = driver.receiveq(0);
    queue.ring->add_writable({0x10}, 2048);
    queue.publish();
    device.step();
    ASSERT_EQ(device.violations().size(), 1u);
    EXPECT_EQ(device.violations()[0].find("receiveq0 buffer: 2048 bytes at 0x10"), 0u);
}

TEST_P(DeviceBuffers, TooSmallForAPacketAreBlamed) {
    virtio::FeatureSet features = GetParam().features();
    features.remove(virtio::Feature::mrg_rxbuf);
    NetDevice plain{{.features = features}};
    BareDriver plain_driver{plain, {.features = features}};
    BareQueue& queue = plain_driver.receiveq(0);
    queue.ring->add_writable(queue.address(0), 1525);
    queue.ring->add_writable(queue.address(1), 1526);
    queue.publish();
    plain.step();
    const std::vector<std::string> expected{"receiveq0: a receive buffer of 1525 bytes"};
    EXPECT_EQ(plain.violations(), expected);
}

TEST_P(DeviceBuffers, OfferedTwiceAreBlamed) {
    BareQueue& queue = driver.receiveq(0);
    queue.offer_for_receive(0);
    queue.offer_for_receive(1);
    queue.offer_for_receive(0);
    queue.publish();
    device.step();
    const std::vector<std::string> expected{"receiveq0: memory that is in another receive buffer already"};
    EXPECT_EQ(device.violations(), expected);
}

TEST_P(DeviceBuffers, ChangedWhileTheDeviceHasThemAreBlamed) {
    device.with_lane(0, [](Lane& lane) { lane.completion = {.hold = true}; });
    driver.send(0, make_frame({}, 60), 0);
    driver.send(0, make_frame({}, 60), 1, 3, true);
    device.step();
    *(driver.transmitq(0).buffer(0) + 40) ^= std::byte{1};
    auto& ring = *driver.transmitq(0).ring;
    *(ring.memory.data + BareRing::table_part + std::size_t{512} * 1 + 16) ^= std::byte{1};
    device.with_lane(0, [](Lane& lane) { lane.transmitq.complete_held({}); });
    ASSERT_EQ(device.violations().size(), 2u);
    EXPECT_EQ(device.violations()[0], "transmitq0: a packet that changed while the device had it");
    EXPECT_EQ(device.violations()[1].find("transmitq0: the indirect table of buffer"), 0u);
}

INSTANTIATE_TEST_SUITE_P(Rings, DeviceBuffers, ::testing::ValuesIn(all_bare_rings), ring_name);

}  // namespace
}  // namespace vmq::software
