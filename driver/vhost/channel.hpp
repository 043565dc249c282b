// One connection to a backend: whole messages in and out, each under a deadline. The backend is not trusted: what it
// sends is bounded and checked, and the first thing wrong ends the connection, since nobody knows then where the next
// message would begin.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>

#include "driver/support/unique_fd.hpp"
#include "driver/vhost/protocol.hpp"

namespace vmq::vhost {

using Deadline = std::chrono::steady_clock::time_point;

// One thread. Failures throw std::system_error: Errc::device_removed when the backend has closed the connection,
// Errc::device_timeout, Errc::bad_device.
class Channel {
public:
    // socket: connected and non-blocking. name: the device's, for messages.
    Channel(support::UniqueFd socket, std::string name);

    // A request with its payload; the descriptors stay the caller's.
    void send(Request request, std::uint32_t flags, std::span<const std::byte> payload,
              std::span<const int> descriptors, Deadline deadline);
    // The reply to `request`, whose payload must be as long as `payload`.
    void receive(Request request, std::span<std::byte> payload, Deadline deadline);
    // The same, but false when the reply is empty, which is how some requests are refused.
    [[nodiscard]] bool receive_unless_refused(Request request, std::span<std::byte> payload, Deadline deadline);

    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    // False once anything went wrong.
    [[nodiscard]] bool good() const noexcept { return good_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    [[nodiscard]] std::uint32_t receive_header(Request request, Deadline deadline);
    void receive_bytes(std::span<std::byte> bytes, Request request, Deadline deadline);
    void wait_for(short events, Request request, Deadline deadline);
    void give_up() noexcept;
    [[noreturn]] void fail_gone(Request request);
    [[noreturn]] void fail_bad(Request request, const std::string& what);

    support::UniqueFd socket_;
    std::string name_;
    bool good_ = true;
};

// "GET_FEATURES"
[[nodiscard]] std::string to_string(Request request);

}  // namespace vmq::vhost
