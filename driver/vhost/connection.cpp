// A virtio-net device behind a vhost-user socket: the connection that comes and goes.
#include <chrono>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <utility>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "driver/vhost/transport.hpp"

namespace vmq::vhost {

using namespace std::chrono_literals;

namespace {

// A backend that restarts is to be found soon; one that is there, but of no use, is not to be bothered.
constexpr std::chrono::milliseconds soon = 1ms;
constexpr std::chrono::milliseconds between_tries = 20ms;
constexpr std::chrono::milliseconds after_failure = 1s;

timespec to_timespec(std::chrono::milliseconds time) {
    return {.tv_sec = static_cast<time_t>(time / 1s), .tv_nsec = static_cast<long>((time % 1s) / 1ns)};
}

void watch(int epoll, int fd, std::uint32_t events) {
    epoll_event event{.events = events, .data = {.fd = fd}};
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) support::fail_errno("epoll_ctl");
}

}  // namespace

support::UniqueFd VhostUserTransport::make_epoll() {
    support::UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
    if (!epoll) support::fail_errno("epoll_create1");
    return epoll;
}

support::UniqueFd VhostUserTransport::make_timer(int epoll) {
    support::UniqueFd timer{::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)};
    if (!timer) support::fail_errno("timerfd_create");
    watch(epoll, timer.get(), EPOLLIN);
    return timer;
}

void VhostUserTransport::run_timer(std::chrono::milliseconds first, std::chrono::milliseconds period) {
    const itimerspec times{.it_interval = to_timespec(period), .it_value = to_timespec(first)};
    if (::timerfd_settime(retry_.get(), 0, &times, nullptr) != 0) support::fail_errno("timerfd_settime");
}

void VhostUserTransport::start_session(support::UniqueFd socket) {
    memory_shared_ = false;
    vrings_ = 0;
    enabled_pairs_ = 0;
    frontend_.emplace(std::move(socket), name_, deadline());
    offer_ = frontend_->offer();
    // Answers are awaited where they are asked for; this is about the end of the connection.
    watch(events_.get(), frontend_->fd(), EPOLLRDHUP);
    run_timer(0ms, 0ms);
}

void VhostUserTransport::end_session(std::chrono::milliseconds next_try) {
    frontend_.reset();
    run_timer(next_try, between_tries);
}

Frontend& VhostUserTransport::backend() {
    if (frontend_ && frontend_->good()) return *frontend_;
    support::fail(Errc::device_removed, name_ + ": the backend is gone", "it is waited for");
}

bool VhostUserTransport::check_connection() {
    std::uint64_t expirations = 0;
    [[maybe_unused]] const auto taken = ::read(retry_.get(), &expirations, sizeof expirations);
    if (!frontend_) return false;
    pollfd state{frontend_->fd(), POLLRDHUP, 0};
    const bool closed = ::poll(&state, 1, 0) > 0;
    if (frontend_->good() && !closed) return true;
    end_session(soon);
    return false;
}

bool VhostUserTransport::reconnect() {
    if (frontend_) return true;
    auto socket = endpoint_.try_connect();
    if (!socket) return false;
    try {
        start_session(std::move(*socket));
    } catch (const std::exception&) {
        disconnect();
        throw;
    }
    return true;
}

void VhostUserTransport::disconnect() { end_session(after_failure); }

}  // namespace vmq::vhost
