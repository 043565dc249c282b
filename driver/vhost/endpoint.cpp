// Where backend and frontend meet.
#include "driver/vhost/endpoint.hpp"

#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "driver/support/unix_socket.hpp"

namespace vmq::vhost {

using support::UniqueFd;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

constexpr const char* socket_kind = "vhost-user socket";
constexpr auto between_tries = 10ms;

std::error_code generic(int error) { return {error, std::generic_category()}; }

}  // namespace

Endpoint::Endpoint(Address address) : address_(std::move(address)) {
    static_cast<void>(support::socket_address(address_.path, socket_kind));  // a path that cannot be: refused here
    if (address_.server) listen();
}

Endpoint::~Endpoint() {
    struct stat file {};
    if (listener_ && ::lstat(address_.path.c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_)
        ::unlink(address_.path.c_str());
}

void Endpoint::listen() {
    const auto name = support::socket_address(address_.path, socket_kind);
    const std::string what = "listen on " + address_.name();
    UniqueFd listener = support::make_socket();
    int bound = ::bind(listener.get(), name.get(), name.length);
    if (bound != 0 && errno == EADDRINUSE) {
        clear_stale();
        bound = ::bind(listener.get(), name.get(), name.length);
    }
    if (bound != 0 && errno == EADDRINUSE) support::fail(Errc::busy, what, "another program has just taken it");
    if (bound != 0) support::fail_errno(what, "its folder must be there, and this user allowed to write to it");
    struct stat file {};
    if (::lstat(address_.path.c_str(), &file) == 0) {
        device_ = file.st_dev;
        inode_ = file.st_ino;
    }
    listener_ = std::move(listener);
    if (::listen(listener_.get(), 1) != 0) support::fail_errno(what);
}

// Removes the socket of a program that is gone.
void Endpoint::clear_stale() {
    struct stat file {};
    const std::string what = "listen on " + address_.name();
    if (::lstat(address_.path.c_str(), &file) != 0) return;
    if (!S_ISSOCK(file.st_mode)) support::fail(generic(EEXIST), what, "that is another kind of file");
    const auto name = support::socket_address(address_.path, socket_kind);
    if (support::connect_errno(support::make_socket().get(), name) != ECONNREFUSED)
        support::fail(Errc::busy, what, "another program listens there; without \",server\" vmq connects to it");
    if (::unlink(address_.path.c_str()) != 0) support::fail_errno("remove the dead socket " + address_.path);
}

UniqueFd Endpoint::connect(Deadline deadline) {
    if (address_.server) {
        for (;;) {
            if (auto socket = try_accept()) return std::move(*socket);
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
            if (left <= 0ms) {
                support::fail(Errc::device_timeout, address_.name() + ": no backend has connected",
                              "start one that connects to this socket, or raise Options::connect_deadline");
            }
            pollfd state{listener_.get(), POLLIN, 0};
            ::poll(&state, 1, static_cast<int>(left.count()));
        }
    }
    const auto name = support::socket_address(address_.path, socket_kind);
    for (;;) {
        UniqueFd socket = support::make_socket();
        const int error = support::connect_errno(socket.get(), name);
        if (error == 0) return socket;
        // Too many wait there already, and a socket that is not connected cannot be waited for.
        if (error != EAGAIN || Clock::now() >= deadline) fail_connect(error);
        std::this_thread::sleep_for(between_tries);
    }
}

std::optional<UniqueFd> Endpoint::try_connect() {
    if (address_.server) return try_accept();
    UniqueFd socket = support::make_socket();
    if (support::connect_errno(socket.get(), support::socket_address(address_.path, socket_kind)) != 0)
        return std::nullopt;
    return socket;
}

std::optional<UniqueFd> Endpoint::try_accept() {
    UniqueFd socket{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!socket) return std::nullopt;
    return socket;
}

void Endpoint::fail_connect(int error) const {
    const std::string what = "connect to " + address_.name();
    switch (error) {
        case ENOENT:
        case ENOTDIR:
            support::fail(Errc::no_such_device, what + ": there is no such socket",
                          "start the backend first, or let it connect to us: " + address_.name() + ",server");
        case ECONNREFUSED:
            support::fail(Errc::no_such_device, what + ": nobody listens there",
                          "its backend is gone, or is one that connects: " + address_.name() + ",server");
        case EACCES:
            support::fail(generic(error), what, "this user may not write to the socket; run as the backend's user");
        case EAGAIN:
            support::fail(Errc::busy, what, "the backend takes no more connections");
        default:
            support::fail(generic(error), what);
    }
}

}  // namespace vmq::vhost
