// The other end of a running application's control socket: what mqctl and mqstat use.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <vmq/coalescing.hpp>
#include <vmq/device_stats.hpp>
#include <vmq/export.hpp>
#include <vmq/info.hpp>
#include <vmq/rss.hpp>
#include <vmq/stats.hpp>

namespace vmq {

class VMQ_EXPORT ControlClient {
public:
    // A PCI address, "vhost-user:/path/to/socket", or the path of a control socket (anything else with a '/'). Throws
    // Errc::not_driven when nobody listens there, EACCES when the caller may not.
    explicit ControlClient(std::string_view device);
    ControlClient(ControlClient&&) noexcept;
    ControlClient& operator=(ControlClient&&) noexcept;
    ~ControlClient();

    // Each blocks for the answer, up to 5 seconds, the changes up to 60, since memory for many pairs takes its time
    // (ETIMEDOUT), and throws the application's refusal as the same error code that the application's own call would
    // have thrown.
    [[nodiscard]] Info info();
    [[nodiscard]] Stats stats();
    [[nodiscard]] InterruptTable interrupts();
    [[nodiscard]] RssInfo rss();
    void reset();
    [[nodiscard]] CoalescingInfo coalescing();
    [[nodiscard]] DeviceStats device_stats();
    void set_queue_pairs(unsigned count);
    void set_rss(const RssSettings& settings);
    void set_coalescing(const Coalescing& all);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

// The sockets of the applications that run now, for tools that were given no device: names as ControlClient takes them.
[[nodiscard]] VMQ_EXPORT std::vector<std::string> running_devices();

}  // namespace vmq
