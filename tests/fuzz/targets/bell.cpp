// A doorbell that is heard at once.
#include "tests/fuzz/targets/bell.hpp"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "tests/fuzz/harness/require.hpp"

namespace vmq::fuzz {
namespace {

const Bell* present = nullptr;

struct Pipe {
    support::UniqueFd read;
    support::UniqueFd write;
};

Pipe make_pipe(void (*on_signal)(int)) {
    std::array<int, 2> fds{-1, -1};
    require(::pipe2(fds.data(), O_CLOEXEC | O_NONBLOCK) == 0, "there is a pipe");
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    require(::sigaction(SIGIO, &action, nullptr) == 0, "the signal has a handler");
    const f_owner_ex owner{F_OWNER_TID, ::gettid()};
    require(::fcntl(fds[0], F_SETOWN_EX, &owner) == 0, "the pipe signals this thread");
    require(::fcntl(fds[0], F_SETFL, O_ASYNC | O_NONBLOCK) == 0, "the pipe signals");
    return {support::UniqueFd{fds[0]}, support::UniqueFd{fds[1]}};
}

// Kept, since making one takes longer than a command.
Pipe& the_pipe(void (*on_signal)(int)) {
    static thread_local Pipe pipe = make_pipe(on_signal);
    return pipe;
}

}  // namespace

Bell::Bell(std::function<void()> heard) : heard_(std::move(heard)) {
    static_cast<void>(the_pipe(on_signal));
    present = this;
}

Bell::~Bell() { present = nullptr; }

virtio::Doorbell Bell::doorbell() const noexcept {
    return virtio::Doorbell::at_eventfd(the_pipe(on_signal).write.get());
}

void Bell::on_signal(int) {
    std::array<std::byte, 64> rung;
    [[maybe_unused]] const auto taken = ::read(the_pipe(on_signal).read.get(), rung.data(), rung.size());
    if (present != nullptr) present->heard_();
}

}  // namespace vmq::fuzz
