// How a tool fails: one message, and an exit code that a script can tell apart.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace vmq::tools {

enum class Exit { done = 0, failed = 1, usage = 2, not_there = 3, not_permitted = 4, refused = 5, timed_out = 6 };

// The only place where an error becomes an exit code.
[[nodiscard]] Exit exit_for(const std::error_code& code) noexcept;

// The message is complete: "DEV: text".
class Failure : public std::runtime_error {
public:
    Failure(Exit exit, const std::string& message) : std::runtime_error(message), exit_(exit) {}
    [[nodiscard]] Exit exit() const noexcept { return exit_; }

private:
    Exit exit_;
};

// The command line makes no sense.
class UsageError : public Failure {
public:
    explicit UsageError(const std::string& message) : Failure(Exit::usage, message) {}
};

// "DEVICE: text", unless the text begins so already.
[[nodiscard]] std::string device_message(const std::string& device, const std::string& text);

// Runs `work` and puts the device's name before what it throws.
template <typename Work>
auto on_device(const std::string& device, Work&& work) {
    try {
        return std::forward<Work>(work)();
    } catch (const std::system_error& error) {
        throw Failure{exit_for(error.code()), device_message(device, error.what())};
    }
}

// The body of main(): prints "TOOL: message" for whatever `work` throws and returns the exit code. Output that could
// not be written is a failure too.
[[nodiscard]] int run_tool(std::string_view tool, const std::function<void()>& work);

}  // namespace vmq::tools
