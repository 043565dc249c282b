// Errors to messages and exit codes.
#include "tools/common/failure.hpp"

#include <cstdio>

#include <fmt/core.h>

#include <vmq/error.hpp>

namespace vmq::tools {

Exit exit_for(const std::error_code& code) noexcept {
    if (code == Errc::no_such_device || code == Errc::not_driven) return Exit::not_there;
    if (code == std::errc::permission_denied || code == std::errc::operation_not_permitted) return Exit::not_permitted;
    if (code == Errc::device_refused) return Exit::refused;
    if (code == Errc::device_timeout || code == Errc::owner_timeout || code == Errc::control_queue_unusable ||
        code == std::errc::timed_out) {
        return Exit::timed_out;
    }
    return Exit::failed;
}

std::string device_message(const std::string& device, const std::string& text) {
    const std::string prefix = device + ": ";
    return text.rfind(prefix, 0) == 0 ? text : prefix + text;
}

int run_tool(std::string_view tool, const std::function<void()>& work) {
    const auto fail = [tool](Exit exit, const char* message) {
        std::fflush(stdout);
        fmt::print(stderr, "{}: {}\n", tool, message);
        return static_cast<int>(exit);
    };
    try {
        work();
        if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return fail(Exit::failed, "cannot write the output");
        return static_cast<int>(Exit::done);
    } catch (const Failure& failure) {
        return fail(failure.exit(), failure.what());
    } catch (const std::system_error& error) {
        return fail(exit_for(error.code()), error.what());
    } catch (const std::exception& error) {
        return fail(Exit::failed, error.what());
    }
}

}  // namespace vmq::tools
