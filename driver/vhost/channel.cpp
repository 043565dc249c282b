// One connection to a backend: whole messages in and out, each under a deadline.
#include "driver/vhost/channel.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"

namespace vmq::vhost {

namespace {

using Clock = std::chrono::steady_clock;

// Room for as many descriptors as a memory table has regions.
using Control = std::array<std::byte, CMSG_SPACE(max_regions * sizeof(int))>;

void attach(msghdr& message, Control& control, std::span<const int> descriptors) {
    if (descriptors.empty()) return;
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
}

}  // namespace

Channel::Channel(support::UniqueFd socket, std::string name) : socket_(std::move(socket)), name_(std::move(name)) {}

void Channel::send(Request request, std::uint32_t flags, std::span<const std::byte> payload,
                   std::span<const int> descriptors, Deadline deadline) {
    Header header{static_cast<std::uint32_t>(request), header_flags::version | flags,
                  static_cast<std::uint32_t>(payload.size())};
    const std::size_t total = sizeof header + payload.size();
    for (std::size_t sent = 0; sent < total;) {
        const std::size_t of_header = std::min(sent, sizeof header);
        const std::size_t of_payload = sent - of_header;
        std::array<iovec, 2> parts{
            iovec{reinterpret_cast<std::byte*>(&header) + of_header, sizeof header - of_header},
            iovec{const_cast<std::byte*>(payload.data()) + of_payload, payload.size() - of_payload}};
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.size();
        alignas(cmsghdr) Control control{};
        if (sent == 0) attach(message, control, descriptors);
        const ssize_t count = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
        if (count >= 0) {
            sent += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN) {
            wait_for(POLLOUT, request, deadline);
        } else if (errno != EINTR) {
            fail_gone(request);
        }
    }
}

void Channel::receive(Request request, std::span<std::byte> payload, Deadline deadline) {
    if (!receive_unless_refused(request, payload, deadline)) fail_bad(request, "is empty");
}

bool Channel::receive_unless_refused(Request request, std::span<std::byte> payload, Deadline deadline) {
    const std::uint32_t size = receive_header(request, deadline);
    if (size == 0) return false;
    if (size != payload.size())
        fail_bad(request, "has " + std::to_string(size) + " bytes, not " + std::to_string(payload.size()));
    receive_bytes(payload, request, deadline);
    return true;
}

// The size of the payload that follows.
std::uint32_t Channel::receive_header(Request request, Deadline deadline) {
    Header header{};
    receive_bytes(std::as_writable_bytes(std::span{&header, 1}), request, deadline);
    if (header.request != static_cast<std::uint32_t>(request))
        fail_bad(request, "answers request " + std::to_string(header.request));
    if ((header.flags & header_flags::version_mask) != header_flags::version ||
        (header.flags & header_flags::reply) == 0) {
        fail_bad(request, "is no reply of version 1: flags " + std::to_string(header.flags));
    }
    return header.size;
}

void Channel::receive_bytes(std::span<std::byte> bytes, Request request, Deadline deadline) {
    while (!bytes.empty()) {
        iovec part{bytes.data(), bytes.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        const ssize_t count = ::recvmsg(socket_.get(), &message, 0);
        // There is no room for descriptors, so the kernel closes any that come and only says that there were some.
        if (count > 0 && (message.msg_flags & MSG_CTRUNC) != 0)
            fail_bad(request, "brings file descriptors that nobody asked for");
        if (count > 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(count));
        } else if (count < 0 && errno == EAGAIN) {
            wait_for(POLLIN, request, deadline);
        } else if (count == 0 || errno != EINTR) {
            fail_gone(request);
        }
    }
}

void Channel::wait_for(short events, Request request, Deadline deadline) {
    // Rounded up, so that the last wait does not become a busy loop.
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) {
        give_up();
        support::fail(Errc::device_timeout, name_ + ": " + to_string(request) + ": no answer in time",
                      "the backend may be stopped, or busy with another frontend");
    }
    pollfd state{socket_.get(), events, 0};
    ::poll(&state, 1, static_cast<int>(left.count()));
}

// Also told to those who wait for the end of the connection: the other side may keep it open.
void Channel::give_up() noexcept {
    good_ = false;
    ::shutdown(socket_.get(), SHUT_RDWR);
}

void Channel::fail_gone(Request request) {
    give_up();
    support::fail(Errc::device_removed, name_ + ": " + to_string(request) + ": the backend has closed the connection",
                  "its log may say why");
}

void Channel::fail_bad(Request request, const std::string& what) {
    give_up();
    support::fail(Errc::bad_device, name_ + ": the reply to " + to_string(request) + " " + what);
}

std::string to_string(Request request) {
    switch (request) {
        case Request::get_features:
            return "GET_FEATURES";
        case Request::set_features:
            return "SET_FEATURES";
        case Request::set_owner:
            return "SET_OWNER";
        case Request::set_mem_table:
            return "SET_MEM_TABLE";
        case Request::set_vring_num:
            return "SET_VRING_NUM";
        case Request::set_vring_addr:
            return "SET_VRING_ADDR";
        case Request::set_vring_base:
            return "SET_VRING_BASE";
        case Request::get_vring_base:
            return "GET_VRING_BASE";
        case Request::set_vring_kick:
            return "SET_VRING_KICK";
        case Request::set_vring_call:
            return "SET_VRING_CALL";
        case Request::get_protocol_features:
            return "GET_PROTOCOL_FEATURES";
        case Request::set_protocol_features:
            return "SET_PROTOCOL_FEATURES";
        case Request::get_queue_num:
            return "GET_QUEUE_NUM";
        case Request::set_vring_enable:
            return "SET_VRING_ENABLE";
        case Request::net_set_mtu:
            return "NET_SET_MTU";
        case Request::get_config:
            return "GET_CONFIG";
        case Request::get_max_mem_slots:
            return "GET_MAX_MEM_SLOTS";
        case Request::add_mem_reg:
            return "ADD_MEM_REG";
        case Request::set_status:
            return "SET_STATUS";
        case Request::get_status:
            return "GET_STATUS";
    }
    return "request " + std::to_string(static_cast<std::uint32_t>(request));
}

}  // namespace vmq::vhost
