// The device asks for an announcement: a packet goes out, the request is acknowledged, the application is told.
#include "tests/unit/net/settings_fixture.hpp"

namespace vmq {
namespace {

using Answer = software::ControlBehaviour::Answer;
using software::ConfigValues;
using virtio::Feature;

class NetAnnounce : public NetSettings, public ::testing::WithParamInterface<bool> {
protected:
    NetAnnounce() {
        options.announce = [this] { ++told; };
    }
    software::NetConfig config() {
        software::NetConfig config = with_all();
        if (GetParam()) config.features.add(Feature::ring_packed);
        return config;
    }
    void ask() {
        device->change_config([](ConfigValues& values) { values.announce = true; });
    }
    bool announced(std::uint64_t count) {
        return eventually([&] { return vmq->stats().announcements == count && told == count; });
    }
    static software::Frame expected(const MacAddress& mac) {
        std::vector<std::uint8_t> bytes(6, 0xff);
        const auto add = [&bytes](const auto& part) { bytes.insert(bytes.end(), std::begin(part), std::end(part)); };
        add(mac);
        add(std::initializer_list<std::uint8_t>{0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3});
        add(mac);
        add(std::initializer_list<std::uint8_t>{0, 0, 0, 0});
        add(mac);
        bytes.resize(60);
        software::Frame frame(bytes.size());
        std::memcpy(frame.data(), bytes.data(), bytes.size());
        return frame;
    }

    std::atomic<std::uint64_t> told{0};
};

TEST_P(NetAnnounce, GoesOutThroughPairZerosThread) {
    open(config());
    QueuePair pair = vmq->take_queue_pair(0);
    ask();
    ASSERT_TRUE(announced(1));
    EXPECT_TRUE(device->take_transmitted(0).empty()) << "only its owner touches the transmitq";
    EXPECT_EQ(pair.wait(0ms), WakeReason::timeout);
    device->step();
    const auto sent = device->take_transmitted(0);
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0], expected(own_mac));
    EXPECT_EQ(stats(0).tx_packets, 1u);
    EXPECT_FALSE(device->announcing());
    EXPECT_TRUE(logged("the device asks for an announcement"));
}

TEST_P(NetAnnounce, AnOwnerThatSleepsIsWoken) {
    open(config());
    const Owner owner{*vmq, 0, drop_packets};
    ask();
    ASSERT_TRUE(announced(1));
    EXPECT_TRUE(eventually([&] {
        device->step();
        return !device->take_transmitted(0).empty();
    }));
}

TEST_P(NetAnnounce, NobodyNeedsToOwnThePair) {
    open(config());
    for (std::uint64_t i = 1; i <= 40; ++i) {  // more than there are buffers for at once
        ask();
        ASSERT_TRUE(announced(i));
        device->step();
        ASSERT_EQ(device->take_transmitted(0).size(), 1u) << i;
    }
    EXPECT_FALSE(logged("no announcement sent"));
}

TEST_P(NetAnnounce, AnOwnerThatDoesNotCallInCostsAnnouncementsAndNothingElse) {
    open(config());
    QueuePair pair = vmq->take_queue_pair(0);
    for (std::uint64_t i = 1; i <= 20; ++i) {
        ask();
        ASSERT_TRUE(announced(i));
    }
    EXPECT_TRUE(logged("no announcement sent, the thread of queue pair 0 has not sent the last ones"));
    Batch batch;
    EXPECT_EQ(pair.recv(batch), 0u);
    device->step();
    EXPECT_EQ(device->take_transmitted(0).size(), 16u);
    ask();
    ASSERT_TRUE(announced(21));
    EXPECT_EQ(pair.recv(batch), 0u);
    device->step();
    ask();
    ASSERT_TRUE(announced(22));
    EXPECT_EQ(pair.recv(batch), 0u);
    device->step();
    EXPECT_GE(device->take_transmitted(0).size(), 1u) << "the buffers have come home";
}

TEST_P(NetAnnounce, NamesTheAddressThatWasSet) {
    open(config());
    vmq->set_mac(other_mac);
    ask();
    ASSERT_TRUE(announced(1));
    device->step();
    const auto sent = device->take_transmitted(0);
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0], expected(other_mac));
}

TEST_P(NetAnnounce, ADeviceThatRefusesTheAcknowledgementIsAskedOnce) {
    open(config());
    device->set_control({.answer = Answer::refuse});
    ask();
    ASSERT_TRUE(announced(1));
    device->change_config([](ConfigValues& values) { values.link_up = false; });
    EXPECT_TRUE(eventually([&] { return vmq->stats().config_changes == 1; }));
    EXPECT_EQ(vmq->stats().announcements, 1u) << "the bit has been set all the time";
    EXPECT_EQ(vmq->stats().control_failures, 1u);
    EXPECT_TRUE(logged("ANNOUNCE_ACK"));
    device->set_control({});
    device->change_config([](ConfigValues& values) {
        values.announce = false;
        values.link_up = true;
    });
    EXPECT_TRUE(eventually([&] { return vmq->stats().config_changes == 2; }));
    ask();
    EXPECT_TRUE(announced(2));
}

TEST_P(NetAnnounce, WithoutTheFeatureTheBitMeansNothing) {
    open(without(config(), Feature::guest_announce));
    ask();
    device->change_config([](ConfigValues& values) { values.link_up = false; });
    EXPECT_TRUE(eventually([&] { return vmq->stats().config_changes == 1; }));
    EXPECT_EQ(vmq->stats().announcements, 0u);
    EXPECT_TRUE(device->announcing());
}

TEST_P(NetAnnounce, ComesAgainAfterAReset) {
    open_losable(config());
    ask();
    ASSERT_TRUE(announced(1));
    device->step();
    EXPECT_EQ(device->take_transmitted(0).size(), 1u);
    reset_device();
    ask();
    ASSERT_TRUE(announced(2));
    device->step();
    EXPECT_EQ(device->take_transmitted(0).size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Rings, NetAnnounce, ::testing::Bool(),
                         [](const auto& test) { return std::string{test.param ? "Packed" : "Split"}; });

}  // namespace
}  // namespace vmq
