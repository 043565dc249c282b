// The device's own counters: what is asked for, and what is believed.
#include "driver/net/device_stats.hpp"

#include "tests/unit/net/settings_fixture.hpp"

namespace vmq {
namespace {

using Answer = software::ControlBehaviour::Answer;
using virtio::Feature;
using virtio::FeatureSet;

using NetDeviceStats = NetSettings;

std::vector<std::string> names_of(const std::vector<DeviceCounter>& counters) {
    std::vector<std::string> names;
    for (const DeviceCounter& counter : counters) names.push_back(counter.name);
    return names;
}

TEST_F(NetDeviceStats, AreThoseOfEveryVirtqueue) {
    open(with_all());
    const auto before = device->commands();
    const DeviceStats stats = vmq->device_stats();
    EXPECT_EQ(device->commands(), before + 1 + 1 + 8);
    EXPECT_EQ(names_of(stats.controlq), (std::vector<std::string>{"command_num", "ok_num"}));
    EXPECT_EQ(stats.controlq[0].value, before + 2);
    ASSERT_EQ(stats.pairs.size(), 4u);
    // CSUM and GSO were not negotiated, so their counters may not be asked for.
    EXPECT_EQ(
        names_of(stats.pairs[3].receiveq),
        (std::vector<std::string>{"rx_notifications", "rx_packets", "rx_bytes", "rx_interrupts", "rx_drops",
                                  "rx_drop_overruns", "rx_packets_allowance_exceeded", "rx_bytes_allowance_exceeded"}));
    EXPECT_EQ(names_of(stats.pairs[3].transmitq),
              (std::vector<std::string>{"tx_notifications", "tx_packets", "tx_bytes", "tx_interrupts", "tx_drops",
                                        "tx_drop_malformed", "tx_packets_allowance_exceeded",
                                        "tx_bytes_allowance_exceeded"}));
    EXPECT_EQ(stats.pairs[3].receiveq[1].value, software::stats_value(6, 0, 1));
    EXPECT_EQ(stats.pairs[3].receiveq[7].value, software::stats_value(6, 3, 1));
    EXPECT_EQ(stats.pairs[0].transmitq[5].value, software::stats_value(1, 16, 5));
}

TEST_F(NetDeviceStats, OnlyWhatTheDeviceHasIsAskedFor) {
    software::NetConfig config = with_all();
    config.stats_types = std::uint64_t{1} << virtio::stats_type::tx_basic;
    open(config);
    const DeviceStats stats = vmq->device_stats();
    EXPECT_TRUE(stats.controlq.empty());
    EXPECT_TRUE(stats.pairs[0].receiveq.empty());
    EXPECT_EQ(stats.pairs[0].transmitq.size(), 6u);
}

// 2.7.8.3
TEST_F(NetDeviceStats, NothingBehindTheAnswersLengthIsRead) {
    open(with_all());
    device->set_control({.length = 1});  // the ack alone
    const DeviceStats stats = vmq->device_stats();
    EXPECT_TRUE(stats.controlq.empty());
    EXPECT_TRUE(stats.pairs[0].receiveq.empty());
}

TEST_F(NetDeviceStats, NotOfferedRefusedOrNotAnswered) {
    const auto ask = [this] { static_cast<void>(vmq->device_stats()); };
    open(without(with_all(), Feature::device_stats));
    std::string what;
    EXPECT_EQ(error_of(ask, &what), make_error_code(Errc::unsupported));
    EXPECT_NE(what.find("does not offer DEVICE_STATS"), std::string::npos) << what;
    open(with_all());
    device->set_control({.answer = Answer::refuse});
    EXPECT_EQ(error_of(ask), make_error_code(Errc::device_refused));
    device->set_control({.answer = Answer::withhold});
    EXPECT_EQ(error_of(ask), make_error_code(Errc::device_timeout));
}

TEST(DeviceStatsTypes, FollowTheFeatures) {
    using net::QueueKind;
    const std::uint64_t all = ~std::uint64_t{0};
    EXPECT_EQ(net::stats_types(QueueKind::receiveq, all, {}), 0b1001u);
    EXPECT_EQ(net::stats_types(QueueKind::receiveq, all, FeatureSet{Feature::guest_csum}), 0b1011u);
    EXPECT_EQ(net::stats_types(QueueKind::receiveq, all, FeatureSet{Feature::guest_csum, Feature::guest_tso6}),
              0b1111u);
    EXPECT_EQ(net::stats_types(QueueKind::transmitq, all, {}), 0b1001u << 16);
    EXPECT_EQ(net::stats_types(QueueKind::transmitq, all, FeatureSet{Feature::csum, Feature::host_uso}), 0b1111u << 16);
    EXPECT_EQ(net::stats_types(QueueKind::controlq, all, {}), std::uint64_t{1} << 32);
    EXPECT_EQ(net::stats_types(QueueKind::receiveq, 0b10001, {}), 1u);
    EXPECT_EQ(net::stats_size(0b1111), 56u + 40 + 40 + 24);
    EXPECT_EQ(net::stats_size(0b1111u << 16), 56u + 24 + 56 + 24);
}

// The device is not trusted.
class DeviceStatsAnswer : public ::testing::Test {
protected:
    void add(std::uint8_t type, std::uint16_t queue, std::uint16_t size, std::size_t counters) {
        const virtio::StatsReplyHeader header{
            .type = type, .reserved = 0, .vq_index = virtio::le16{queue}, .reserved1 = {}, .size = virtio::le16{size}};
        const auto* bytes = reinterpret_cast<const std::byte*>(&header);
        answer.insert(answer.end(), bytes, bytes + sizeof header);
        answer.resize(answer.size() + counters * 8, std::byte{1});
    }
    std::vector<DeviceCounter> parse() { return net::parse_stats(answer, 4, 0b1001, "subject"); }
    std::error_code error() {
        return error_of([this] { static_cast<void>(parse()); });
    }

    std::vector<std::byte> answer;
};

TEST_F(DeviceStatsAnswer, OfBothTypes) {
    add(3, 4, 24, 2);
    add(0, 4, 56, 6);
    const auto counters = parse();
    ASSERT_EQ(counters.size(), 8u);
    EXPECT_EQ(counters[0], (DeviceCounter{"rx_packets_allowance_exceeded", 0x0101010101010101}));
    EXPECT_EQ(counters[2].name, "rx_notifications");
}

TEST_F(DeviceStatsAnswer, MayLeaveSomethingOut) {
    add(0, 4, 56, 6);
    answer.resize(answer.size() + 24, std::byte{0});
    EXPECT_EQ(parse().size(), 6u);
    answer.assign(56, std::byte{0});
    EXPECT_TRUE(parse().empty());
    answer.clear();
    EXPECT_TRUE(parse().empty());
}

TEST_F(DeviceStatsAnswer, ThatWasNotAskedForIsNotBelieved) {
    const struct {
        std::uint8_t type;
        std::uint16_t queue, size;
        std::size_t counters;
    } bad[] = {{1, 4, 40, 4}, {16, 4, 56, 6}, {200, 4, 56, 6}, {0, 5, 56, 6},    {0, 4, 55, 6}, {0, 4, 7, 6},
               {0, 4, 64, 7}, {0, 4, 48, 5},  {0, 4, 56, 5},   {0, 4, 65535, 6}, {3, 4, 24, 1}, {255, 65535, 8, 0}};
    for (const auto& row : bad) {
        answer.clear();
        add(row.type, row.queue, row.size, row.counters);
        EXPECT_EQ(error(), make_error_code(Errc::bad_device)) << unsigned{row.type} << " " << row.size;
    }
}

}  // namespace
}  // namespace vmq
