// Unix stream sockets by path: what the server and the client have in common.
#include "driver/control/unix_socket.hpp"

#include <cerrno>
#include <cstring>

#include "driver/support/errors.hpp"

namespace vmq::control {

SocketAddress socket_address(const std::string& path) {
    SocketAddress address{};
    constexpr std::size_t limit = sizeof(address.name.sun_path) - 1;
    if (path.empty() || path.find('\0') != std::string::npos)
        support::fail({EINVAL, std::generic_category()}, "control socket: the path is empty or has a NUL in it");
    if (path.size() > limit)
        support::fail({ENAMETOOLONG, std::generic_category()}, "control socket " + path,
                      "the path of a socket has " + std::to_string(limit) + " bytes at most");
    address.name.sun_family = AF_UNIX;
    std::memcpy(address.name.sun_path, path.data(), path.size());
    address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return address;
}

support::UniqueFd make_socket() {
    support::UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) support::fail_errno("socket AF_UNIX");
    return fd;
}

int connect_errno(int fd, const SocketAddress& address) noexcept {
    return ::connect(fd, address.get(), address.length) == 0 ? 0 : errno;
}

}  // namespace vmq::control
