// The backend's side of vhost-user messages, for tests: read one, answer one, and everything that may be wrong with it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <span>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include "driver/support/unique_fd.hpp"
#include "driver/vhost/protocol.hpp"

namespace vmq::vhost {

struct Message {
    Request request{};
    std::uint32_t flags = 0;
    std::vector<std::byte> payload{};
    std::vector<support::UniqueFd> descriptors{};

    template <typename T>
    [[nodiscard]] T as(std::size_t offset = 0) const {
        T value{};
        if (payload.size() >= offset + sizeof value) std::memcpy(&value, payload.data() + offset, sizeof value);
        return value;
    }
    [[nodiscard]] bool needs_reply() const { return (flags & header_flags::need_reply) != 0; }
};

// The next message on a blocking socket; nothing when the other side has closed it.
inline std::optional<Message> read_message(int fd) {
    Header header{};
    iovec part{&header, sizeof header};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(16 * sizeof(int))> control{};
    msghdr envelope{};
    envelope.msg_iov = &part;
    envelope.msg_iovlen = 1;
    envelope.msg_control = control.data();
    envelope.msg_controllen = control.size();
    if (::recvmsg(fd, &envelope, MSG_WAITALL | MSG_CMSG_CLOEXEC) != sizeof header) return std::nullopt;
    Message message{static_cast<Request>(header.request), header.flags};
    for (cmsghdr* c = CMSG_FIRSTHDR(&envelope); c != nullptr; c = CMSG_NXTHDR(&envelope, c)) {
        for (std::size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len; at += sizeof(int)) {
            int descriptor = -1;
            std::memcpy(&descriptor, reinterpret_cast<std::byte*>(c) + at, sizeof descriptor);
            message.descriptors.emplace_back(descriptor);
        }
    }
    message.payload.resize(header.size);
    if (header.size != 0 && ::recv(fd, message.payload.data(), header.size, MSG_WAITALL) != header.size)
        return std::nullopt;
    return message;
}

inline void write_bytes(int fd, std::span<const std::byte> bytes) {
    [[maybe_unused]] const auto written = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

template <typename Payload>
void write_reply(int fd, Request request, const Payload& payload,
                 std::uint32_t flags = header_flags::version | header_flags::reply) {
    const Header header{static_cast<std::uint32_t>(request), flags, sizeof payload};
    write_bytes(fd, std::as_bytes(std::span{&header, 1}));
    write_bytes(fd, std::as_bytes(std::span{&payload, 1}));
}

inline void write_number(int fd, Request request, std::uint64_t number) { write_reply(fd, request, number); }

struct SocketPair {
    SocketPair() {
        std::array<int, 2> fds{-1, -1};
        [[maybe_unused]] const int made = ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data());
        backend.reset(fds[0]);
        frontend.reset(fds[1]);
        ::fcntl(frontend.get(), F_SETFL, O_NONBLOCK);
        const timeval limit{.tv_sec = 5, .tv_usec = 0};  // no test hangs
        ::setsockopt(backend.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    support::UniqueFd backend;   // blocking
    support::UniqueFd frontend;  // non-blocking
};

}  // namespace vmq::vhost
