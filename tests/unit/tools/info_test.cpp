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

TEST(InfoJson, CarriesWhatTheTextShows) {
    const tools::Json devices = info_json(some_device());
    ASSERT_EQ(devices.size(), 1u);
    const tools::Json& device = devices[0];
    EXPECT_EQ(device["schema"], "mqctl.info/1");
    EXPECT_EQ(device["mac"], "52:54:00:12:34:56");
    EXPECT_EQ(device["link_up"], true);
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
