// What a queue pair's thread sleeps on.
#include "driver/net/wake.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>

#include "driver/support/errors.hpp"

namespace vmq::net {

using namespace std::chrono_literals;

namespace {

// An interrupt may get lost, and an owner that waits for ever must still notice: no sleep is longer.
constexpr std::chrono::nanoseconds longest_sleep = 1s;
constexpr std::chrono::nanoseconds shortest_poll = 50us;

}  // namespace

std::uint64_t VectorEvent::interrupts() const {
    const std::string path = "/proc/self/fdinfo/" + std::to_string(fd());
    const support::UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    std::array<char, 512> text{};
    const ssize_t length = file ? ::read(file.get(), text.data(), text.size() - 1) : -1;
    constexpr std::string_view label = "eventfd-count:";
    const std::string_view content{text.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
    const auto at = content.find(label);
    if (at == std::string_view::npos) return interrupts_read();
    const std::uint64_t pending = std::strtoull(content.data() + at + label.size(), nullptr, 16);
    return interrupts_read() + pending % control_wake;
}

bool Sleeper::sleep(std::chrono::nanoseconds limit, unsigned round) noexcept {
    limit = std::clamp(limit, std::chrono::nanoseconds{0}, longest_sleep);
    if (mode_ == WaitMode::polling) limit = std::min(limit, shortest_poll * (1 << std::min(round, 4u)));
    std::array<pollfd, 2> events{{{receive_.fd(), POLLIN, 0}, {transmit_.fd(), POLLIN, 0}}};
    const nfds_t count = mode_ == WaitMode::own_vectors ? 2 : 1;
    const timespec timeout{.tv_sec = static_cast<time_t>(limit / 1s),
                           .tv_nsec = static_cast<long>((limit % 1s).count())};
    if (::ppoll(events.data(), count, &timeout, nullptr) <= 0) return false;
    if (events[0].revents != 0) receive_.drain();
    if (events[1].revents != 0) transmit_.drain();
    return true;
}

void Sleeper::drain() noexcept {
    receive_.drain();
    if (mode_ == WaitMode::own_vectors) transmit_.drain();
}

int Sleeper::event_fd() {
    if (mode_ == WaitMode::polling) return -1;
    if (mode_ != WaitMode::own_vectors) return receive_.fd();
    if (!epoll_) {
        support::UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
        if (!epoll) support::fail_errno("epoll_create1");
        for (const int fd : {receive_.fd(), transmit_.fd()}) {
            epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
            if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) support::fail_errno("epoll_ctl");
        }
        epoll_ = std::move(epoll);
    }
    return epoll_.get();
}

}  // namespace vmq::net
