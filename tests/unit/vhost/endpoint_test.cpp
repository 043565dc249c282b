// Who listens, who connects, and what is said when they do not meet.
#include "driver/vhost/endpoint.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include <vmq/error.hpp>

#include "driver/support/unix_socket.hpp"
#include "tests/unit/vhost/errors.hpp"
#include "tests/unit/vhost/folder.hpp"

namespace vmq::vhost {
namespace {

using namespace std::chrono_literals;

Deadline in(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }

class EndpointTest : public testing::Test {
protected:
    Folder folder;
    std::string path = folder.path() / "s";
};

TEST_F(EndpointTest, AClientAndAServerMeet) {
    Endpoint server{{.path = path, .server = true}};
    Endpoint client{{.path = path}};
    const support::UniqueFd near = client.connect(in(1s));
    const support::UniqueFd far = server.connect(in(1s));
    ASSERT_EQ(::write(near.get(), "x", 1), 1);
    char byte = 0;
    ASSERT_EQ(::read(far.get(), &byte, 1), 1);
    EXPECT_EQ(byte, 'x');
}

TEST_F(EndpointTest, AClientSaysWhyThereIsNobody) {
    Endpoint client{{.path = path}};
    const Caught missing = caught([&] { static_cast<void>(client.connect(in(1s))); });
    EXPECT_EQ(missing.code, Errc::no_such_device);
    EXPECT_TRUE(missing.says("there is no such socket (start the backend first")) << missing.text;
    { const Endpoint server{{.path = path, .server = true}}; }
    EXPECT_FALSE(std::filesystem::exists(path));  // a server takes its socket with it
    std::ofstream{path};
    const Caught dead = caught([&] { static_cast<void>(client.connect(in(1s))); });
    EXPECT_EQ(dead.code, Errc::no_such_device);
    EXPECT_TRUE(dead.says("nobody listens there")) << dead.text;
    EXPECT_FALSE(client.try_connect());
}

TEST_F(EndpointTest, AServerWaitsUntilItsDeadline) {
    Endpoint server{{.path = path, .server = true}};
    const auto start = std::chrono::steady_clock::now();
    const Caught error = caught([&] { static_cast<void>(server.connect(in(100ms))); });
    EXPECT_EQ(error.code, Errc::device_timeout);
    EXPECT_TRUE(error.says("no backend has connected")) << error.text;
    EXPECT_GE(std::chrono::steady_clock::now() - start, 100ms);
    std::thread backend{[&] {
        std::this_thread::sleep_for(50ms);
        static_cast<void>(Endpoint{{.path = path}}.connect(in(1s)));
    }};
    EXPECT_TRUE(server.connect(in(5s)));
    backend.join();
}

TEST_F(EndpointTest, AServerTakesThePlaceOfADeadOneOnly) {
    {
        const support::UniqueFd dead = support::make_socket();
        const auto name = support::socket_address(path, "test");
        ASSERT_EQ(::bind(dead.get(), name.get(), name.length), 0);
    }
    const Endpoint first{{.path = path, .server = true}};
    const Caught second = caught([&] { const Endpoint endpoint{{.path = path, .server = true}}; });
    EXPECT_EQ(second.code, Errc::busy);
    EXPECT_TRUE(std::filesystem::exists(path));  // the loser does not remove it
}

TEST_F(EndpointTest, AServerDoesNotRemoveAFileThatIsNoSocket) {
    std::ofstream{path} << "precious";
    EXPECT_EQ(caught([&] { const Endpoint endpoint{{.path = path, .server = true}}; }).code, std::errc::file_exists);
    EXPECT_EQ(std::filesystem::file_size(path), 8u);
}

TEST_F(EndpointTest, PathsThatCannotBe) {
    const std::string longest = folder.path() / std::string(120, 'x');
    const Caught error = caught([&] { const Endpoint endpoint{{.path = longest}}; });
    EXPECT_EQ(error.code, std::errc::filename_too_long);
    EXPECT_TRUE(error.says("vhost-user socket")) << error.text;
    EXPECT_EQ(caught([] { const Endpoint endpoint{Address{}}; }).code, std::errc::invalid_argument);
    const Caught folderless = caught([&] { const Endpoint e{{.path = path + "/deeper", .server = true}}; });
    EXPECT_EQ(folderless.code, std::errc::no_such_file_or_directory);
    EXPECT_TRUE(folderless.says("its folder must be there")) << folderless.text;
}

}  // namespace
}  // namespace vmq::vhost
