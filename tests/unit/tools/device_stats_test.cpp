// The device's own statistics, as mqctl and mqstat ask for them and print them.
#include "tools/common/device_stats.hpp"

#include <gtest/gtest.h>

#include "tests/unit/control/harness.hpp"
#include "tools/mqstat/watch.hpp"

namespace vmq::tools {
namespace {

class DeviceStatsTest : public testing::Test {
protected:
    DeviceStatsTest() {
        device.info_reply.feature_names = {"MQ", "DEVICE_STATS"};
        device.info_reply.control_queue_usable = true;
    }

    control::SocketFolder folder;
    std::string path = folder / "device.sock";
    control::FakeDevice device;
    control::Server server{path, device};
    control::ControlThread thread{server};
};

TEST_F(DeviceStatsTest, AreAskedForWhereTheDeviceHasThem) {
    ControlClient client(path);
    const auto stats = ask_device_stats(client, client.info());
    ASSERT_TRUE(stats);
    const Json json = device_stats_json(stats);
    EXPECT_EQ(json["pairs"].size(), 2u);
    EXPECT_EQ(json["pairs"][0]["receiveq"], Json({{"rx_packets", 1}}));
    EXPECT_EQ(json["pairs"][0]["transmitq"], Json({{"tx_packets", 2}}));
    EXPECT_EQ(json["pairs"][1]["transmitq"], Json::object());
    EXPECT_EQ(json["controlq"].size(), 1u);
}

TEST_F(DeviceStatsTest, AreNotAskedForElsewhere) {
    ControlClient client(path);
    Info info = client.info();
    const unsigned before = device.queries;
    info.control_queue_usable = false;
    EXPECT_FALSE(ask_device_stats(client, info));
    info.control_queue_usable = true;
    info.feature_names = {"MQ"};
    EXPECT_FALSE(ask_device_stats(client, info));
    EXPECT_EQ(device.queries, before);
    EXPECT_EQ(device_stats_json(std::nullopt), nullptr);
}

TEST_F(DeviceStatsTest, AreInTheJsonOfMqstatAndNotInItsText) {
    ControlClient client(path);
    const auto printed = [&](const mqstat::Format& format) {
        testing::internal::CaptureStdout();
        mqstat::watch(client, {}, format);
        return testing::internal::GetCapturedStdout();
    };
    const Json json = Json::parse(printed({.json = true}))[0];
    EXPECT_EQ(json["schema"], "mqstat/1");
    EXPECT_EQ(json["device_stats"], device_stats_json(control::sample_device_stats()));
    EXPECT_FALSE(Json::parse(printed({.interrupts = true, .json = true}))[0].contains("device_stats"));
    const unsigned before = device.queries;
    EXPECT_EQ(printed({}).find("rx_packets"), std::string::npos);
    EXPECT_EQ(device.queries - before, 2u) << "the program and its counters";
}

}  // namespace
}  // namespace vmq::tools
