// The socket's file: made, protected, taken over from the dead and left to the living.
#include "driver/control/listener.hpp"

#include <filesystem>
#include <fstream>
#include <optional>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include <vmq/error.hpp>

#include "tests/unit/control/harness.hpp"

namespace vmq::control {
namespace {

mode_t mode_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
}

// The text and code of the refusal.
std::system_error refusal(const std::string& path) {
    try {
        const Listener listener(path);
    } catch (const std::system_error& error) {
        return error;
    }
    return std::system_error(std::error_code{}, "not refused");
}

// What a killed application leaves: a file on which nobody listens.
void leave_dead_socket(const std::string& path) {
    const support::UniqueFd fd = support::make_socket();
    const support::SocketAddress address = support::socket_address(path, "control socket");
    ASSERT_EQ(::bind(fd.get(), address.get(), address.length), 0);
    ASSERT_EQ(::listen(fd.get(), 1), 0);
}

TEST(ControlListener, MakesFolderAndSocketWithTheirModesUnderAnyUmask) {
    for (const mode_t mask : {mode_t{0}, mode_t{022}, mode_t{0177}}) {
        const SocketFolder folder;
        const mode_t before = ::umask(mask);
        const Listener listener(folder / "run/device.sock");
        ::umask(before);
        EXPECT_EQ(mode_of(folder / "run"), mode_t{0755});
        EXPECT_EQ(mode_of(folder / "run/device.sock"), mode_t{0660});
    }
}

TEST(ControlListener, LeavesTheModeOfAFolderThatWasThere) {
    const SocketFolder folder;
    const Listener listener(folder / "device.sock");
    EXPECT_EQ(mode_of(folder.path()), mode_t{0700});
}

TEST(ControlListener, TakesThePlaceOfADeadOne) {
    const SocketFolder folder;
    const std::string path = folder / "device.sock";
    leave_dead_socket(path);
    const Listener listener(path);
    EXPECT_EQ(support::connect_errno(support::make_socket().get(), support::socket_address(path, "control socket")), 0);
}

TEST(ControlListener, LeavesALiveOneAloneAndNamesIt) {
    const SocketFolder folder;
    const std::string path = folder / "device.sock";
    const Listener first(path);
    const auto error = refusal(path);
    EXPECT_EQ(error.code(), Errc::busy);
    EXPECT_NE(std::string(error.what()).find(path), std::string::npos);
    EXPECT_EQ(support::connect_errno(support::make_socket().get(), support::socket_address(path, "control socket")), 0);
}

TEST(ControlListener, KnowsALiveOneWhoseBacklogIsFull) {
    const SocketFolder folder;
    const std::string path = folder / "device.sock";
    const Listener first(path);
    std::vector<support::UniqueFd> waiting;
    int error = 0;
    while (error == 0 && waiting.size() < 100) {
        waiting.push_back(support::make_socket());
        error = support::connect_errno(waiting.back().get(), support::socket_address(path, "control socket"));
    }
    ASSERT_EQ(error, EAGAIN);
    EXPECT_EQ(refusal(path).code(), Errc::busy);
}

TEST(ControlListener, RemovesNothingThatIsNoSocket) {
    const SocketFolder folder;
    const std::string file = folder / "file";
    std::ofstream(file) << "precious";
    EXPECT_EQ(refusal(file).code(), std::errc::file_exists);
    EXPECT_EQ(std::filesystem::file_size(file), 8U);

    const std::string link = folder / "link";
    std::filesystem::create_symlink(folder / "nowhere", link);
    EXPECT_EQ(refusal(link).code(), std::errc::file_exists);
    EXPECT_TRUE(std::filesystem::is_symlink(link));
}

TEST(ControlListener, RemovesItsFileAtTheEnd) {
    const SocketFolder folder;
    const std::string path = folder / "device.sock";
    { const Listener listener(path); }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ControlListener, LeavesAFileThatIsNoLongerItsOwn) {
    const SocketFolder folder;
    const std::string path = folder / "device.sock";
    std::optional<Listener> first(path);
    std::filesystem::rename(path, folder / "moved.sock");  // keeps the inode number taken
    const Listener second(path);
    first.reset();
    EXPECT_EQ(support::connect_errno(support::make_socket().get(), support::socket_address(path, "control socket")), 0);
}

TEST(ControlListener, SaysWhatIsWrongWithAPath) {
    const SocketFolder folder;
    const std::string longest = folder / std::string(107 - folder.path().size() - 1, 'x');
    EXPECT_EQ(refusal(longest).code(), std::error_code{}) << "107 bytes are fine";
    const auto too_long = refusal(longest + 'x');
    EXPECT_EQ(too_long.code(), std::errc::filename_too_long);
    EXPECT_NE(std::string(too_long.what()).find("107"), std::string::npos) << too_long.what();
    EXPECT_EQ(refusal("").code(), std::errc::invalid_argument);
    EXPECT_EQ(refusal(std::string("\0abstract", 9)).code(), std::errc::invalid_argument);
    EXPECT_EQ(refusal(folder / "no/such/device.sock").code(), std::errc::no_such_file_or_directory);
}

}  // namespace
}  // namespace vmq::control
