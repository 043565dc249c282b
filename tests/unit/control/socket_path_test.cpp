// Names of sockets, and which of them somebody listens on.
#include "driver/control/socket_path.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "tests/unit/control/harness.hpp"

namespace vmq::control {
namespace {

TEST(ControlSocketPath, IsMadeFromTheFullAddress) {
    EXPECT_EQ(socket_path("0000:00:04.0"), "/run/vmq/0000:00:04.0.sock");
    EXPECT_EQ(socket_path("00:04.0"), "/run/vmq/0000:00:04.0.sock");
    EXPECT_EQ(socket_path("0001:AF:1F.7", "/tmp"), "/tmp/0001:af:1f.7.sock");
    EXPECT_EQ(socket_path("AF:1F.7", "/tmp"), "/tmp/0000:af:1f.7.sock");
    EXPECT_EQ(socket_path("10000:e1:00.0", "/tmp"), "/tmp/10000:e1:00.0.sock") << "a domain of a VMD has five digits";
    EXPECT_EQ(socket_path("Lab", "/tmp"), "/tmp/Lab.sock");
    EXPECT_EQ(socket_path("00:04", "/tmp"), "/tmp/00:04.sock");
}

TEST(ControlSocketPath, OfAVhostUserDeviceIsMadeFromItsPath) {
    EXPECT_EQ(socket_path("vhost-user:/run/ovs/a.sock"), "/run/vmq/vhost-user::run:ovs:a.sock.sock");
    EXPECT_EQ(socket_path("vhost-user:/run/ovs/a.sock,server,queues=4"), "/run/vmq/vhost-user::run:ovs:a.sock.sock");
    // Two that look alike when written so are kept apart, and a long one fits.
    EXPECT_NE(socket_path("vhost-user:/run:a"), socket_path("vhost-user:/run/a"));
    const std::string longest = "vhost-user:/" + std::string(106, 'x');
    EXPECT_LT(socket_path(longest).size(), 108u);
    EXPECT_NE(socket_path(longest), socket_path(longest + "y"));
}

TEST(ControlSocketPath, NamesOfListeningVhostUserDevicesLeadBackToTheirSockets) {
    const SocketFolder folder;
    for (const std::string name : {"vhost-user:/a/b", "vhost-user:/a:b"}) {
        const Listener listener(socket_path(name, folder.path()));
        const auto found = listening_devices(folder.path());
        ASSERT_EQ(found.size(), 1u) << name;
        const bool told = found.front() == name;
        EXPECT_EQ(told ? socket_path(name, folder.path()) : found.front(), socket_path(name, folder.path()));
        EXPECT_EQ(told, name == "vhost-user:/a/b");
    }
}

TEST(ControlSocketPath, OnlySocketsWithAListenerCount) {
    const SocketFolder folder;
    EXPECT_TRUE(listening_devices(folder.path()).empty());
    EXPECT_TRUE(listening_devices(folder / "missing").empty());

    const Listener second(folder / "0000:00:05.0.sock");
    const Listener first(folder / "0000:00:04.0.sock");
    const Listener other_name(folder / "socket");
    std::ofstream(folder / "file.sock") << "not a socket";
    {
        const support::UniqueFd dead = support::make_socket();
        const support::SocketAddress address = support::socket_address(folder / "dead.sock", "control socket");
        ASSERT_EQ(::bind(dead.get(), address.get(), address.length), 0);
    }
    EXPECT_EQ(listening_devices(folder.path()), (std::vector<std::string>{"0000:00:04.0", "0000:00:05.0"}));
    EXPECT_THROW(static_cast<void>(listening_devices(folder / "file.sock")), std::system_error);
}

}  // namespace
}  // namespace vmq::control
