// Unix stream sockets by path.
#include "driver/support/unix_socket.hpp"

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "driver/support/errors.hpp"

namespace vmq::support {

SocketAddress socket_address(const std::string& path, std::string_view what) {
    SocketAddress address{};
    constexpr std::size_t limit = sizeof(address.name.sun_path) - 1;
    if (path.empty() || path.find('\0') != std::string::npos)
        fail({EINVAL, std::generic_category()}, std::string{what} + ": the path is empty or has a NUL in it");
    if (path.size() > limit) {
        fail({ENAMETOOLONG, std::generic_category()}, std::string{what} + " " + path,
             "the path of a socket has " + std::to_string(limit) + " bytes at most");
    }
    address.name.sun_family = AF_UNIX;
    std::memcpy(address.name.sun_path, path.data(), path.size());
    address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return address;
}

UniqueFd make_socket() {
    UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) fail_errno("socket AF_UNIX");
    return fd;
}

int connect_errno(int fd, const SocketAddress& address) noexcept {
    return ::connect(fd, address.get(), address.length) == 0 ? 0 : errno;
}

}  // namespace vmq::support
