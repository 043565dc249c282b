// The application's end of the control socket, served by the device's control thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include <vmq/coalescing.hpp>
#include <vmq/device_stats.hpp>
#include <vmq/info.hpp>
#include <vmq/rss.hpp>
#include <vmq/stats.hpp>

#include "driver/control/connection.hpp"
#include "driver/control/listener.hpp"
#include "driver/support/unique_fd.hpp"

namespace vmq::control {

// What the socket can ask of a device. Called by service(), on its thread; may block for the command deadline, and may
// throw: the client gets the exception's code and text.
struct Handler {
    virtual ~Handler() = default;
    virtual Info info() = 0;
    virtual Stats stats() = 0;
    virtual InterruptTable interrupts() = 0;
    virtual RssInfo rss() = 0;
    virtual CoalescingInfo coalescing() = 0;
    virtual DeviceStats device_stats() = 0;
    virtual void set_queue_pairs(unsigned count) = 0;
    virtual void reset() = 0;
    virtual void set_rss(const RssSettings& settings) = 0;
    virtual void set_coalescing(const Coalescing& all) = 0;
};

struct ServerLimits {
    std::size_t clients = 16;  // one more is told Errc::busy and closed
    // For the whole request, and again for reading the whole reply.
    std::chrono::milliseconds deadline{10'000};
};

// Not thread-safe: made, served and destroyed by one thread, or by several one after the other.
class Server {
public:
    // Listens at once, so that the socket's permissions and a live owner are errors of opening; see Listener for what
    // is thrown. The handler must outlive the server.
    Server(std::string path, Handler& handler, ServerLimits limits = {});
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    // Ends every connection and removes the socket file.
    ~Server();

    // An epoll descriptor, for the control thread's own epoll (level-triggered): readable while there is something to
    // do.
    [[nodiscard]] int poll_fd() const noexcept { return epoll_.get(); }
    // Serves one ready descriptor, hence at most one command, and leaves poll_fd() readable if there is more: the
    // control thread looks after the device in between. Blocks for nothing but the handler. Out of memory ends that
    // connection.
    void service() noexcept;

    [[nodiscard]] const std::string& path() const noexcept { return listener_.path(); }

private:
    using Clock = Connection::Clock;

    void accept_one();
    void refuse(int fd) const;
    void serve(Connection& connection);
    [[nodiscard]] std::string answer(std::string_view line, bool may_change) const;
    void drop(int fd) noexcept;
    void on_timer() noexcept;
    void arm_timer() const noexcept;
    void pause_accepting() noexcept;
    void resume_accepting() noexcept;

    Handler& handler_;
    ServerLimits limits_;
    support::UniqueFd epoll_;
    support::UniqueFd timer_;
    Listener listener_;
    std::map<int, Connection> connections_;  // by descriptor
    std::optional<Clock::time_point> paused_until_;
};

}  // namespace vmq::control
