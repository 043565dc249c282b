// The application's end of the control socket, served by the device's control thread.
#include "driver/control/server.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <vmq/error.hpp>

#include "driver/control/protocol.hpp"
#include "driver/support/errors.hpp"

namespace vmq::control {
namespace {

using support::fail_errno;
using support::UniqueFd;

constexpr std::chrono::milliseconds accept_pause{200};

void watch(int epoll, int operation, int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (::epoll_ctl(epoll, operation, fd, &event) != 0) fail_errno("epoll_ctl for the control socket");
}

UniqueFd make_epoll() {
    UniqueFd fd{::epoll_create1(EPOLL_CLOEXEC)};
    if (!fd) fail_errno("epoll_create1 for the control socket");
    return fd;
}

UniqueFd make_timer() {
    UniqueFd fd{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
    if (!fd) fail_errno("timerfd_create for the control socket");
    return fd;
}

struct Perform {
    Handler& handler;

    Reply operator()(GetInfo) const { return handler.info(); }
    Reply operator()(GetStats) const { return handler.stats(); }
    Reply operator()(GetInterrupts) const { return handler.interrupts(); }
    Reply operator()(GetRss) const { return handler.rss(); }
    Reply operator()(GetCoalescing) const { return handler.coalescing(); }
    Reply operator()(GetDeviceStats) const { return handler.device_stats(); }
    Reply operator()(const SetCoalescing& request) const {
        handler.set_coalescing(request.all);
        return Done{};
    }
    Reply operator()(const SetRss& request) const {
        handler.set_rss(request.settings);
        return Done{};
    }
    Reply operator()(Reset) const {
        handler.reset();
        return Done{};
    }
    Reply operator()(SetQueuePairs request) const {
        handler.set_queue_pairs(request.count);
        return Done{};
    }
};

}  // namespace

Server::Server(std::string path, Handler& handler, ServerLimits limits)
    : handler_(handler), limits_(limits), epoll_(make_epoll()), timer_(make_timer()), listener_(std::move(path)) {
    watch(epoll_.get(), EPOLL_CTL_ADD, timer_.get(), EPOLLIN);
    watch(epoll_.get(), EPOLL_CTL_ADD, listener_.fd(), EPOLLIN);
}

Server::~Server() = default;

void Server::service() noexcept {
    epoll_event event{};
    if (::epoll_wait(epoll_.get(), &event, 1, 0) != 1) return;
    const int fd = event.data.fd;
    try {
        if (fd == listener_.fd()) {
            accept_one();
        } else if (fd == timer_.get()) {
            on_timer();
        } else if (const auto found = connections_.find(fd); found != connections_.end()) {
            serve(found->second);
        }
    } catch (...) {
        drop(fd);
    }
    arm_timer();
}

void Server::accept_one() {
    UniqueFd socket{::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!socket) {
        // Out of descriptors or memory the listener would stay ready for ever and keep the control thread spinning.
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) pause_accepting();
        return;
    }
    const int fd = socket.get();
    if (connections_.size() >= limits_.clients) return refuse(fd);
    connections_.emplace(fd, Connection{std::move(socket), Clock::now() + limits_.deadline});
    try {
        watch(epoll_.get(), EPOLL_CTL_ADD, fd, EPOLLIN);
    } catch (...) {
        connections_.erase(fd);  // nothing would ever be heard of it
        throw;
    }
}

void Server::refuse(int fd) const {
    const std::string line = encode(Reply{Failure{
        Errc::busy, listener_.path() + ": " + std::to_string(limits_.clients) + " clients are connected already"}});
    // A short line fits into a fresh socket; where it does not, the client sees the end of the connection.
    static_cast<void>(::send(fd, line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

void Server::serve(Connection& connection) {
    if (!connection.replying()) {
        const auto received = connection.receive();
        if (received == Connection::Received::part) return;
        // A client that went away, killed or tired of waiting, must not have its command carried out behind its back.
        if (received == Connection::Received::end || connection.abandoned()) return drop(connection.fd());
        std::string reply =
            received == Connection::Received::request
                ? answer(connection.request(), connection.may_change())
                : encode(Reply{Failure{Errc::bad_request, "control request: longer than " +
                                                              std::to_string(max_request_bytes) + " bytes"}});
        connection.reply(std::move(reply), Clock::now() + limits_.deadline);
        watch(epoll_.get(), EPOLL_CTL_MOD, connection.fd(), EPOLLOUT);
    }
    if (connection.send() != Connection::Sent::part) drop(connection.fd());
}

std::string Server::answer(std::string_view line, bool may_change) const {
    try {
        const Request request = decode_request(line);
        if (changes_device(request) && !may_change)
            support::fail(std::make_error_code(std::errc::operation_not_permitted), listener_.path() + ": a change",
                          "only root and the user who runs the application may change its device");
        return encode(std::visit(Perform{handler_}, request));
    } catch (...) {
        return encode(Reply{current_failure()});
    }
}

void Server::drop(int fd) noexcept {
    if (connections_.erase(fd) > 0) resume_accepting();  // closing takes it out of the epoll set
}

void Server::on_timer() noexcept {
    const auto now = Clock::now();
    const auto cut = std::erase_if(connections_, [now](const auto& entry) { return entry.second.deadline() <= now; });
    if (cut > 0 || (paused_until_ && *paused_until_ <= now)) resume_accepting();
}

// Set anew after every step, which also clears an expiry that has been seen to.
void Server::arm_timer() const noexcept {
    auto earliest = paused_until_.value_or(Clock::time_point::max());
    for (const auto& [fd, connection] : connections_) earliest = std::min(earliest, connection.deadline());
    itimerspec when{};
    if (earliest != Clock::time_point::max()) {
        // steady_clock is CLOCK_MONOTONIC. Zero would disarm.
        const auto since_boot = std::max(earliest.time_since_epoch(), Clock::duration{1});
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_boot);
        when.it_value.tv_sec = seconds.count();
        when.it_value.tv_nsec = std::chrono::nanoseconds(since_boot - seconds).count();
    }
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void Server::pause_accepting() noexcept {
    epoll_event nothing{};
    nothing.data.fd = listener_.fd();
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener_.fd(), &nothing);
    paused_until_ = Clock::now() + accept_pause;
}

void Server::resume_accepting() noexcept {
    if (!paused_until_) return;
    epoll_event incoming{};
    incoming.events = EPOLLIN;
    incoming.data.fd = listener_.fd();
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener_.fd(), &incoming);
    paused_until_.reset();
}

}  // namespace vmq::control
