// `mqctl info`: what is printed.
#include "tools/mqctl/info.hpp"

#include <gtest/gtest.h>

namespace vmq::mqctl {
namespace {

Info some_device() {
    Info info;
    info.name = "0000:00:04.0";
    info.application = "mqperf";
    info.process_id = 1234;
    info.mac = MacAddress{0x52, 0x54, 0, 0x12, 0x34, 0x56};
    info.device_features = 0x130079bfffe3;
    info.negotiated_features = 0x300438028;
    info.feature_names = {"MTU", "MAC", "MQ", "VERSION_1"};
    info.ring_layout = "split";
    info.ring_size = 256;
    info.queue_pairs = 2;
    info.max_queue_pairs = 4;
    info.device_max_queue_pairs = 8;
    info.vectors = 10;
    info.vector_sharing = "per queue";
    info.iommu_mode = "type1v2";
    info.buffers_per_pair = 2048;
    info.buffer_size = 2048;
    info.memory_bytes = 17301504;
    return info;
}

TEST(InfoText, HasAFactOnEachLine) {
    EXPECT_EQ(info_text(some_device()),
              "device         0000:00:04.0\n"
              "application    mqperf(1234)\n"
              "MAC            52:54:00:12:34:56\n"
              "MTU            1500\n"
              "link           up\n"
              "receive mode   promiscuous\n"
              "queue pairs    2 of 4 (the device has 8)\n"
              "rings          split, 256 descriptors\n"
              "vectors        10, per queue\n"
              "IOMMU mode     type1v2\n"
              "memory         16.5 MiB, normal pages\n"
              "buffers        2048 of 2048 bytes for each pair\n"
              "control queue  usable\n"
              "offered        0x0000130079bfffe3\n"
              "negotiated     0x0000000300438028\n"
              "features       MTU MAC MQ VERSION_1\n");
}

TEST(InfoText, SaysWhatIsNotAsUsual) {
    Info info = some_device();
    info.mac.reset();
    info.link_up = false;
    info.huge_pages = true;
    info.control_queue_usable = false;
    const std::string text = info_text(info);
    EXPECT_NE(text.find("MAC            not told\n"), std::string::npos);
    EXPECT_NE(text.find("link           down\n"), std::string::npos);
    EXPECT_NE(text.find("16.5 MiB, huge pages\n"), std::string::npos);
    EXPECT_NE(text.find("control queue  not usable until the device is reset\n"), std::string::npos);
}

Info filtered_device() {
    Info info = some_device();
    info.speed = 10'000;
    info.full_duplex = true;
    info.receive_mode = {.promiscuous = false, .all_multicast = true, .no_broadcast = true};
    info.mac_filters = {{{2, 0, 0, 0, 0, 7}}, {{1, 0, 0x5e, 0, 0, 5}, {1, 0, 0x5e, 0, 0, 6}}};
    info.vlans = {5, 4094};
    return info;
}

TEST(InfoText, ShowsLinkAndFilters) {
    const std::string text = info_text(filtered_device());
    EXPECT_NE(text.find("link           up, 10000 Mbit/s, full duplex\n"
                        "receive mode   all_multicast no_broadcast\n"
                        "unicast        02:00:00:00:00:07\n"
                        "multicast      01:00:5e:00:00:05 01:00:5e:00:00:06\n"
                        "VLANs          5 4094\n"),
              std::string::npos)
        << text;
    Info info = filtered_device();
    info.receive_mode = {.promiscuous = false};
    info.full_duplex = false;
    EXPECT_NE(info_text(info).find("half duplex\nreceive mode   own address, filters and broadcast\n"),
              std::string::npos);
}

TEST(InfoJson, HasFiltersAndTheDevicesCounters) {
    const DeviceStats stats{.controlq = {{"ok_num", 3}}, .pairs = {{{{"rx_drops", 1}}, {{"tx_drops", 2}}}}};
    const tools::Json device = info_json(filtered_device(), stats)[0];
    EXPECT_EQ(device["speed_mbps"], 10'000);
    EXPECT_EQ(device["full_duplex"], true);
    EXPECT_EQ(device["receive_mode"]["all_multicast"], true);
    EXPECT_EQ(device["unicast_filters"], tools::Json({"02:00:00:00:00:07"}));
    EXPECT_EQ(device["multicast_filters"].size(), 2u);
    EXPECT_EQ(device["vlans"], tools::Json({5, 4094}));
    EXPECT_EQ(device["device_stats"]["controlq"]["ok_num"], 3);
    EXPECT_EQ(device["device_stats"]["pairs"][0]["transmitq"]["tx_drops"], 2);
}

TEST(InfoJson, CarriesWhatTheTextShows) {
    const tools::Json devices = info_json(some_device(), std::nullopt);
    ASSERT_EQ(devices.size(), 1u);
    const tools::Json& device = devices[0];
    EXPECT_EQ(device["schema"], "mqctl.info/1");
    EXPECT_EQ(device["mac"], "52:54:00:12:34:56");
    EXPECT_EQ(device["link_up"], true);
    EXPECT_EQ(device["speed_mbps"], nullptr);
    EXPECT_EQ(device["receive_mode"]["promiscuous"], true);
    EXPECT_EQ(device["receive_mode"]["no_broadcast"], false);
    EXPECT_EQ(device["vlans"], tools::Json::array());
    EXPECT_EQ(device["device_stats"], nullptr);
    EXPECT_EQ(device["max_queue_pairs"], 4);
    EXPECT_EQ(device["device_max_queue_pairs"], 8);
    EXPECT_EQ(device["memory_bytes"], 17301504);
    EXPECT_EQ(device["features"], tools::Json({"MTU", "MAC", "MQ", "VERSION_1"}));
    EXPECT_EQ(device["negotiated_features"], 0x300438028);
}

TEST(MemoryText, ChoosesAUnit) {
    EXPECT_EQ(memory_text(0), "0 bytes");
    EXPECT_EQ(memory_text(1023), "1023 bytes");
    EXPECT_EQ(memory_text(512 * 1024), "512 KiB");
    EXPECT_EQ(memory_text(std::uint64_t{2} << 30), "2048.0 MiB");
}

}  // namespace
}  // namespace vmq::mqctl
