// vhost-user messages on a UNIX socket.
#include "tests/bench/backend/protocol.hpp"

#include <cerrno>
#include <sys/socket.h>
#include <sys/uio.h>

#include "driver/support/errors.hpp"

namespace vmq::bench {
namespace {

struct Header {
    std::uint32_t request;
    std::uint32_t flags;
    std::uint32_t size;
};
constexpr std::uint32_t version = 1;
constexpr std::uint32_t reply_flag = 1 << 2;
constexpr std::uint32_t need_reply_flag = 1 << 3;
constexpr std::uint32_t longest_payload = 4096;

// False when the connection ended before the first byte.
bool receive_all(int socket, std::span<std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::recv(socket, bytes.data(), bytes.size(), MSG_WAITALL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) support::fail_errno("recv from the vhost-user frontend");
        if (count == 0) return false;
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return true;
}

void take_descriptors(msghdr& header, std::vector<support::UniqueFd>& fds) {
    for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr; control = CMSG_NXTHDR(&header, control)) {
        if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(control) + i * sizeof fd, sizeof fd);
            fds.emplace_back(fd);
        }
    }
}

}  // namespace

std::optional<Message> receive_message(int socket) {
    Header header{};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * max_table_regions)> control;
    iovec part{&header, sizeof header};
    msghdr envelope{};
    envelope.msg_iov = &part;
    envelope.msg_iovlen = 1;
    envelope.msg_control = control.data();
    envelope.msg_controllen = control.size();

    ssize_t count = 0;
    do count = ::recvmsg(socket, &envelope, MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    if (count < 0 && errno != ECONNRESET) support::fail_errno("recvmsg from the vhost-user frontend");
    if (count <= 0) return std::nullopt;

    Message message;
    take_descriptors(envelope, message.fds);
    const auto rest = std::as_writable_bytes(std::span{&header, 1}).subspan(static_cast<std::size_t>(count));
    if (!receive_all(socket, rest)) return std::nullopt;
    if (header.size > longest_payload) throw std::runtime_error("a vhost-user message is too long");
    message.request = static_cast<Request>(header.request);
    message.needs_reply = (header.flags & need_reply_flag) != 0;
    message.payload.resize(header.size);
    if (!receive_all(socket, message.payload)) return std::nullopt;
    return message;
}

void send_reply(int socket, Request request, std::span<const std::byte> payload) {
    Header header{static_cast<std::uint32_t>(request), version | reply_flag,
                  static_cast<std::uint32_t>(payload.size())};
    std::array<iovec, 2> parts{{{&header, sizeof header}, {const_cast<std::byte*>(payload.data()), payload.size()}}};
    msghdr envelope{};
    envelope.msg_iov = parts.data();
    envelope.msg_iovlen = parts.size();
    if (::sendmsg(socket, &envelope, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
        support::fail_errno("sendmsg to the vhost-user frontend");
}

}  // namespace vmq::bench
