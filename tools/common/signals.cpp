// Signals taken in a wait instead of a handler.
#include "tools/common/signals.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <signal.h>

namespace vmq::tools {
namespace {

sigset_t end_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

}  // namespace

void block_end_signals() {
    const sigset_t set = end_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

bool wait_for_end(std::chrono::steady_clock::time_point deadline) {
    using namespace std::chrono;
    const sigset_t set = end_signals();
    for (;;) {
        const nanoseconds left = std::max(nanoseconds{0}, nanoseconds{deadline - steady_clock::now()});
        const timespec time{left / 1s, (left % 1s).count()};
        if (sigtimedwait(&set, nullptr, &time) > 0) return true;
        if (errno != EINTR) return false;
    }
}

}  // namespace vmq::tools
