// Unix stream sockets by path.
#pragma once

#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>

#include "driver/support/unique_fd.hpp"

namespace vmq::support {

struct SocketAddress {
    sockaddr_un name;
    socklen_t length;

    [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&name); }
};

// `what` is the socket's purpose, for messages ("control socket"). Throws std::system_error: EINVAL for an empty path
// or one with a NUL in it, ENAMETOOLONG naming the limit.
[[nodiscard]] SocketAddress socket_address(const std::string& path, std::string_view what);

// Non-blocking and closed on exec. Throws std::system_error.
[[nodiscard]] UniqueFd make_socket();

// Connects without waiting; 0, or errno: EAGAIN when somebody listens but has too many waiting already.
[[nodiscard]] int connect_errno(int fd, const SocketAddress& address) noexcept;

}  // namespace vmq::support
