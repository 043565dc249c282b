// Errors, their exit codes and their messages.
#include "tools/common/failure.hpp"

#include <cerrno>

#include <gtest/gtest.h>

#include <vmq/error.hpp>

namespace vmq::tools {
namespace {

std::error_code system(int number) { return {number, std::generic_category()}; }

TEST(ExitFor, SaysWhatAScriptWantsToKnow) {
    EXPECT_EQ(exit_for(Errc::no_such_device), Exit::not_there);
    EXPECT_EQ(exit_for(Errc::not_driven), Exit::not_there);
    EXPECT_EQ(exit_for(system(EACCES)), Exit::not_permitted);
    EXPECT_EQ(exit_for(system(EPERM)), Exit::not_permitted);
    EXPECT_EQ(exit_for({EACCES, std::system_category()}), Exit::not_permitted);
    EXPECT_EQ(exit_for(Errc::device_refused), Exit::refused);
    EXPECT_EQ(exit_for(Errc::device_timeout), Exit::timed_out);
    EXPECT_EQ(exit_for(Errc::owner_timeout), Exit::timed_out);
    EXPECT_EQ(exit_for(Errc::control_queue_unusable), Exit::timed_out);
    EXPECT_EQ(exit_for(system(ETIMEDOUT)), Exit::timed_out);
    EXPECT_EQ(exit_for(Errc::busy), Exit::failed);
    EXPECT_EQ(exit_for(Errc::out_of_range), Exit::failed);
    EXPECT_EQ(exit_for(Errc::interface_in_use), Exit::failed);
    EXPECT_EQ(exit_for(system(ENOENT)), Exit::failed);
}

TEST(ExitFor, HasTheDocumentedNumbers) {
    EXPECT_EQ(static_cast<int>(Exit::done), 0);
    EXPECT_EQ(static_cast<int>(Exit::failed), 1);
    EXPECT_EQ(static_cast<int>(Exit::usage), 2);
    EXPECT_EQ(static_cast<int>(Exit::not_there), 3);
    EXPECT_EQ(static_cast<int>(Exit::not_permitted), 4);
    EXPECT_EQ(static_cast<int>(Exit::refused), 5);
    EXPECT_EQ(static_cast<int>(Exit::timed_out), 6);
}

TEST(RunTool, PrintsOneLineWithTheToolsName) {
    testing::internal::CaptureStderr();
    const int exit = run_tool("mqctl", [] {
        throw Failure{Exit::failed, "0000:00:04.0: requested 9 queue pairs, the device has 4"};
    });
    EXPECT_EQ(testing::internal::GetCapturedStderr(),
              "mqctl: 0000:00:04.0: requested 9 queue pairs, the device has 4\n");
    EXPECT_EQ(exit, 1);
}

TEST(RunTool, MapsWhatIsThrown) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(run_tool("t", [] {}), 0);
    EXPECT_EQ(run_tool("t", [] { throw UsageError{"x"}; }), 2);
    EXPECT_EQ(run_tool("t", [] { throw std::system_error{make_error_code(Errc::not_driven)}; }), 3);
    EXPECT_EQ(run_tool("t", [] { throw std::runtime_error{"x"}; }), 1);
    testing::internal::GetCapturedStderr();
}

TEST(OnDevice, NamesTheDeviceAndKeepsTheReason) {
    try {
        on_device("0000:00:04.0", [] { throw std::system_error{system(EPERM), "open /dev/vfio/4"}; });
        FAIL() << "nothing thrown";
    } catch (const Failure& failure) {
        EXPECT_EQ(failure.exit(), Exit::not_permitted);
        EXPECT_STREQ(failure.what(), "0000:00:04.0: open /dev/vfio/4: Operation not permitted");
    }
}

TEST(OnDevice, NamesTheDeviceOnce) {
    EXPECT_EQ(device_message("0000:00:04.0", "0000:00:04.0: in use"), "0000:00:04.0: in use");
    EXPECT_EQ(device_message("0000:00:04.0", "in use"), "0000:00:04.0: in use");
}

TEST(OnDevice, ReturnsWhatTheWorkReturns) {
    EXPECT_EQ(on_device("x", [] { return 7; }), 7);
}

}  // namespace
}  // namespace vmq::tools
