// One client of the control socket: a request comes in, a reply goes out, and that is all. Never blocks.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "driver/support/unique_fd.hpp"

namespace vmq::control {

class Connection {
public:
    using Clock = std::chrono::steady_clock;
    enum class Received { part, request, too_long, end };
    enum class Sent { part, all, failed };

    // `socket` is non-blocking. The deadline is for the whole request: a client that sends byte by byte does not extend
    // it.
    Connection(support::UniqueFd socket, Clock::time_point deadline) noexcept
        : socket_(std::move(socket)), deadline_(deadline) {}

    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    [[nodiscard]] Clock::time_point deadline() const noexcept { return deadline_; }

    // Takes what is there. After `request`, request() is the whole line without its newline.
    [[nodiscard]] Received receive();
    [[nodiscard]] std::string_view request() const noexcept { return request_; }
    // Whether it may change the device: it was opened by root, or by the user whose process this is.
    [[nodiscard]] bool may_change() const noexcept;
    // The client has closed its end altogether: nobody will see a reply.
    [[nodiscard]] bool abandoned() const noexcept;

    void reply(std::string bytes, Clock::time_point deadline) noexcept;
    [[nodiscard]] bool replying() const noexcept { return !reply_.empty(); }
    // Sends what fits.
    [[nodiscard]] Sent send() noexcept;

private:
    support::UniqueFd socket_;
    Clock::time_point deadline_;
    std::string request_;
    std::string reply_;
    std::size_t sent_ = 0;
};

}  // namespace vmq::control
