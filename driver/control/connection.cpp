// One client of the control socket: a request comes in, a reply goes out, and that is all. Never blocks.
#include "driver/control/connection.hpp"

#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "driver/control/protocol.hpp"

namespace vmq::control {

Connection::Received Connection::receive() {
    std::array<char, max_request_bytes> bytes;
    const ssize_t count = ::recv(fd(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count < 0) return errno == EAGAIN || errno == EINTR ? Received::part : Received::end;
    // A line without its end is no request: its sender may have died in the middle.
    if (count == 0) return Received::end;
    const std::string_view fresh{bytes.data(), static_cast<std::size_t>(count)};
    const auto end = fresh.find('\n');
    request_.append(fresh.substr(0, end));
    if (request_.size() >= max_request_bytes) return Received::too_long;
    return end == std::string_view::npos ? Received::part : Received::request;
}

bool Connection::may_change() const noexcept {
    ucred opener{};
    socklen_t size = sizeof opener;
    if (::getsockopt(fd(), SOL_SOCKET, SO_PEERCRED, &opener, &size) != 0) return false;
    return opener.uid == 0 || opener.uid == ::geteuid();
}

bool Connection::abandoned() const noexcept {
    // POLLHUP comes only when both directions are closed; a client that merely ended its own still reads.
    pollfd state{fd(), 0, 0};
    return ::poll(&state, 1, 0) == 1 && (state.revents & (POLLHUP | POLLERR)) != 0;
}

void Connection::reply(std::string bytes, Clock::time_point deadline) noexcept {
    reply_ = std::move(bytes);
    deadline_ = deadline;
}

Connection::Sent Connection::send() noexcept {
    while (sent_ < reply_.size()) {
        const ssize_t count = ::send(fd(), reply_.data() + sent_, reply_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0) return errno == EAGAIN || errno == EINTR ? Sent::part : Sent::failed;
        sent_ += static_cast<std::size_t>(count);
    }
    return Sent::all;
}

}  // namespace vmq::control
