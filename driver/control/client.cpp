// The tools' end of the control socket. A connection lives for one command, so nothing is left over from one that timed
// out.
#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <utility>

#include <vmq/control_client.hpp>
#include <vmq/error.hpp>

#include "driver/control/protocol.hpp"
#include "driver/control/socket_path.hpp"
#include "driver/support/errors.hpp"
#include "driver/support/unix_socket.hpp"
#include "driver/vhost/address.hpp"

namespace vmq {
namespace {

using Clock = std::chrono::steady_clock;
using support::fail;
using support::fail_errno;

constexpr std::chrono::seconds query_deadline{5};
constexpr std::chrono::seconds change_deadline{60};

// A path, but not that of a vhost-user device.
bool is_socket(std::string_view device) {
    return device.find('/') != std::string_view::npos && !vhost::parse_address(device);
}

std::error_code generic(int error) { return {error, std::generic_category()}; }

}  // namespace

class ControlClient::Impl {
public:
    explicit Impl(std::string_view device)
        : device_(device), path_(is_socket(device) ? std::string(device) : control::socket_path(device)) {
        static_cast<void>(connect(Clock::now() + query_deadline));
    }

    // Sends the request and returns the reply, which is of type Answer.
    template <typename Answer>
    Answer ask(const control::Request& request, std::chrono::seconds patience) const {
        const auto deadline = Clock::now() + patience;
        const support::UniqueFd socket = connect(deadline);
        send_all(socket.get(), control::encode(request), deadline);
        control::Reply reply = control::decode_reply(receive_line(socket.get(), deadline));
        if (const auto* failure = std::get_if<control::Failure>(&reply)) control::rethrow(*failure);
        auto* answer = std::get_if<Answer>(&reply);
        if (answer == nullptr) fail(generic(EPROTO), path_ + " answered another question");
        return std::move(*answer);
    }

private:
    [[nodiscard]] support::UniqueFd connect(Clock::time_point deadline) const {
        const auto address = support::socket_address(path_, "control socket");
        support::UniqueFd socket = support::make_socket();
        int error = support::connect_errno(socket.get(), address);
        // The backlog is full, and a socket that is not connected cannot be waited for.
        while (error == EAGAIN && Clock::now() < deadline) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            error = support::connect_errno(socket.get(), address);
        }
        if (error == EAGAIN) fail_timeout();
        if (error == ENOENT || error == ENOTDIR || error == ECONNREFUSED) fail_not_driven();
        if (error == EACCES)
            fail(generic(error), "connect " + path_, "run as root, or as a member of the socket's group");
        if (error != 0) fail(generic(error), "connect " + path_);
        return socket;
    }

    void send_all(int fd, std::string_view bytes, Clock::time_point deadline) const {
        while (!bytes.empty()) {
            const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count > 0) {
                bytes.remove_prefix(static_cast<std::size_t>(count));
            } else if (errno == EAGAIN) {
                wait_for(fd, POLLOUT, deadline);
            } else if (errno == EPIPE || errno == ECONNRESET) {
                return;  // refused before it was read: the reason is there to be received
            } else if (errno != EINTR) {
                fail_errno("send to " + path_);
            }
        }
    }

    [[nodiscard]] std::string receive_line(int fd, Clock::time_point deadline) const {
        std::string line;
        std::array<char, 65536> bytes;
        while (!line.ends_with('\n')) {
            const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), 0);
            if (count > 0) {
                line.append(bytes.data(), static_cast<std::size_t>(count));
                if (line.size() > control::max_reply_bytes) fail(generic(EPROTO), path_ + " answers without end");
            } else if (count < 0 && errno == EAGAIN) {
                wait_for(fd, POLLIN, deadline);
            } else if (count == 0 || errno == ECONNRESET) {
                fail(generic(ECONNRESET), path_ + ": the application ended the connection without an answer",
                     "is it still running?");
            } else if (errno != EINTR) {
                fail_errno("receive from " + path_);
            }
        }
        return line;
    }

    void wait_for(int fd, short events, Clock::time_point deadline) const {
        // Rounded up, so that the last wait does not become a busy loop.
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) fail_timeout();
        pollfd state{fd, events, 0};
        if (::poll(&state, 1, static_cast<int>(left.count())) < 0 && errno != EINTR) fail_errno("poll " + path_);
    }

    [[noreturn]] void fail_timeout() const {
        fail(generic(ETIMEDOUT), path_ + ": the application does not answer", "it may be stopped, or still be at work");
    }

    [[noreturn]] void fail_not_driven() const {
        const bool is_path = is_socket(device_);
        fail(Errc::not_driven,
             is_path ? path_ + ": no vmq application listens there" : device_ + ": no vmq application drives it",
             "start the one that should, for example: mqperf echo " + (is_path ? "DEV" : device_));
    }

    std::string device_;
    std::string path_;
};

ControlClient::ControlClient(std::string_view device) : impl_(std::make_unique<Impl>(device)) {}
ControlClient::ControlClient(ControlClient&&) noexcept = default;
ControlClient& ControlClient::operator=(ControlClient&&) noexcept = default;
ControlClient::~ControlClient() = default;

Info ControlClient::info() { return impl_->ask<Info>(control::GetInfo{}, query_deadline); }
Stats ControlClient::stats() { return impl_->ask<Stats>(control::GetStats{}, query_deadline); }
InterruptTable ControlClient::interrupts() {
    return impl_->ask<InterruptTable>(control::GetInterrupts{}, query_deadline);
}
RssInfo ControlClient::rss() { return impl_->ask<RssInfo>(control::GetRss{}, query_deadline); }
void ControlClient::set_rss(const RssSettings& settings) {
    impl_->ask<control::Done>(control::SetRss{settings}, change_deadline);
}
void ControlClient::reset() { impl_->ask<control::Done>(control::Reset{}, change_deadline); }
CoalescingInfo ControlClient::coalescing() {
    return impl_->ask<CoalescingInfo>(control::GetCoalescing{}, query_deadline);
}
DeviceStats ControlClient::device_stats() { return impl_->ask<DeviceStats>(control::GetDeviceStats{}, query_deadline); }
void ControlClient::set_coalescing(const Coalescing& all) {
    impl_->ask<control::Done>(control::SetCoalescing{all}, change_deadline);
}
void ControlClient::set_queue_pairs(unsigned count) {
    impl_->ask<control::Done>(control::SetQueuePairs{count}, change_deadline);
}

std::vector<std::string> running_devices() { return control::listening_devices(); }

}  // namespace vmq
