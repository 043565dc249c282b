// A folder for sockets, a device that is only pretended, a control thread, and a client that need not behave.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <system_error>
#include <thread>

#include "driver/control/server.hpp"
#include "driver/support/event_fd.hpp"
#include "driver/support/unique_fd.hpp"
#include "driver/support/unix_socket.hpp"
#include "tests/unit/control/samples.hpp"

namespace vmq::control {

class SocketFolder {
public:
    SocketFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "vmq-control-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::system_error(errno, std::generic_category(), pattern);
        path_ = pattern;
    }
    SocketFolder(const SocketFolder&) = delete;
    SocketFolder& operator=(const SocketFolder&) = delete;
    ~SocketFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] std::string operator/(std::string_view name) const { return path_ + '/' + std::string(name); }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

struct FakeDevice final : Handler {
    Info info() override {
        ++queries;
        return info_reply;
    }
    Stats stats() override {
        ++queries;
        return sample_stats();
    }
    InterruptTable interrupts() override {
        ++queries;
        return sample_interrupts();
    }
    RssInfo rss() override {
        ++queries;
        return sample_rss();
    }
    CoalescingInfo coalescing() override {
        ++queries;
        return sample_coalescing();
    }
    DeviceStats device_stats() override {
        ++queries;
        return sample_device_stats();
    }
    void set_coalescing(const Coalescing& all) override {
        coalescing_of_all = all;
        ++changes;
    }
    void set_rss(const RssSettings& settings) override {
        rss_settings = settings;
        ++changes;
    }
    void reset() override {
        ++resets;
        ++changes;
    }
    void set_queue_pairs(unsigned count) override {
        if (on_change) on_change(count);
        queue_pairs = count;
        ++changes;
    }

    Info info_reply = sample_info();
    RssSettings rss_settings;
    Coalescing coalescing_of_all;
    std::function<void(unsigned)> on_change;  // may throw: the change is refused
    std::atomic<unsigned> queries{0};
    std::atomic<unsigned> changes{0};
    std::atomic<unsigned> resets{0};
    std::atomic<unsigned> queue_pairs{4};
};

// Serves as the device's control thread does: the server's descriptor is one of several in an epoll of its own.
class ControlThread {
public:
    explicit ControlThread(Server& server) : thread_([this, &server] { run(server); }) {}
    ControlThread(const ControlThread&) = delete;
    ControlThread& operator=(const ControlThread&) = delete;
    ~ControlThread() {
        stop_.signal();
        thread_.join();
    }

private:
    void run(Server& server) {
        const support::UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
        for (const int fd : {server.poll_fd(), stop_.fd()}) {
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.fd = fd;
            if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) std::abort();
        }
        for (;;) {
            epoll_event event{};
            if (::epoll_wait(epoll.get(), &event, 1, -1) != 1) continue;
            if (event.data.fd == stop_.fd()) return;
            server.service();
        }
    }

    support::EventFd stop_;
    std::thread thread_;
};

inline bool is_readable(int fd, std::chrono::milliseconds patience = {}) {
    pollfd state{fd, POLLIN, 0};
    return ::poll(&state, 1, static_cast<int>(patience.count())) == 1;
}

// For tests without a control thread: serves until there is nothing left to do.
inline void serve_all(Server& server) {
    while (is_readable(server.poll_fd())) server.service();
}

class RawClient {
public:
    explicit RawClient(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const timeval patience{20, 0};  // a test that fails must not hang
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        if (const int error = support::connect_errno(fd_.get(), support::socket_address(path, "control socket"));
            error != 0)
            throw std::system_error(error, std::generic_category(), path);
    }

    // False when the other end is closed.
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count < 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
        return true;
    }
    void end_sending() { ::shutdown(fd_.get(), SHUT_WR); }
    void close() { fd_.reset(); }

    // Everything up to the end of the connection.
    std::string receive_all(std::size_t step = 65536, std::chrono::milliseconds pause = {}) {
        std::string all;
        std::string bytes(step, '\0');
        for (;;) {
            const ssize_t count = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
            if (count < 0 && errno == EAGAIN)
                throw std::system_error(ETIMEDOUT, std::generic_category(), "receive_all");
            if (count <= 0) return all;
            all.append(bytes.data(), static_cast<std::size_t>(count));
            std::this_thread::sleep_for(pause);
        }
    }

private:
    support::UniqueFd fd_;
};

}  // namespace vmq::control
