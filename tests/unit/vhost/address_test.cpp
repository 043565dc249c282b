// Addresses of vhost-user devices.
#include "driver/vhost/address.hpp"

#include <filesystem>

#include <gtest/gtest.h>

namespace vmq::vhost {
namespace {

TEST(VhostAddress, IsOnlyWhatBeginsSo) {
    EXPECT_FALSE(parse_address("0000:00:04.0"));
    EXPECT_FALSE(parse_address("/run/vmq/a.sock"));
    EXPECT_FALSE(parse_address("vhost-net:/a"));
}

TEST(VhostAddress, TellsPathModeAndQueues) {
    const auto client = parse_address("vhost-user:/run/a.sock");
    ASSERT_TRUE(client);
    EXPECT_EQ(client->path, "/run/a.sock");
    EXPECT_FALSE(client->server);
    EXPECT_EQ(client->queues, 0u);
    for (const char* text : {"vhost-user:/run/a.sock,server,queues=4", "vhost-user:/run/a.sock,queues=4,server"}) {
        const auto server = parse_address(text);
        ASSERT_TRUE(server);
        EXPECT_EQ(server->path, "/run/a.sock");
        EXPECT_TRUE(server->server);
        EXPECT_EQ(server->queues, 4u);
        EXPECT_EQ(server->name(), "vhost-user:/run/a.sock");
    }
}

TEST(VhostAddress, WordsThatMeanNothingBelongToThePath) {
    for (const char* tail : {",queues=0", ",queues=", ",queues=4x", ",queues=-1", ",servers", ",b"}) {
        const auto address = parse_address(std::string{"vhost-user:/run/a"} + tail);
        ASSERT_TRUE(address);
        EXPECT_EQ(address->path, std::string{"/run/a"} + tail);
        EXPECT_EQ(address->queues, 0u);
    }
}

TEST(VhostAddress, IsTheSameFromEveryFolder) {
    EXPECT_EQ(parse_address("vhost-user:a.sock")->path, std::filesystem::current_path() / "a.sock");
    EXPECT_EQ(parse_address("vhost-user:/run/../tmp/./a")->path, "/tmp/a");
    EXPECT_EQ(parse_address("vhost-user:")->path, "");
}

}  // namespace
}  // namespace vmq::vhost
