// The other side of a descriptor, acting in the same thread.
#include "tests/fuzz/targets/reaction.hpp"

#include <csignal>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "tests/fuzz/harness/require.hpp"

namespace vmq::fuzz {
namespace {

const std::function<void()>* present = nullptr;

void on_signal(int) {
    if (present != nullptr) (*present)();
}

}  // namespace

void signal_when_readable(int fd) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    const f_owner_ex owner{F_OWNER_TID, ::gettid()};
    require(::sigaction(SIGIO, &action, nullptr) == 0 && ::fcntl(fd, F_SETOWN_EX, &owner) == 0 &&
                ::fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK) == 0,
            "a descriptor signals its thread");
}

Reaction::Reaction(std::function<void()> act) : act_(std::move(act)) { present = &act_; }

Reaction::~Reaction() { present = nullptr; }

}  // namespace vmq::fuzz
