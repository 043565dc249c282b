// Connections, one frontend at a time.
#include "tests/bench/backend/backend.hpp"

#include <array>
#include <exception>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "driver/support/errors.hpp"
#include "driver/support/unix_socket.hpp"
#include "tests/bench/backend/session.hpp"

namespace vmq::bench {
namespace {

constexpr int reconnect_ms = 20;

support::UniqueFd listen_on(const std::string& path) {
    const auto address = support::socket_address(path, "vhost-user socket");
    support::UniqueFd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    ::unlink(path.c_str());
    if (::bind(listener.get(), address.get(), address.length) != 0 || ::listen(listener.get(), 1) != 0)
        support::fail_errno("listen on " + path);
    return listener;
}

// Waits for `fd`, or forever when it is -1; false when `stop` is readable, or when the time is over.
bool wait_readable(int fd, int stop, int timeout_ms = -1) {
    std::array<pollfd, 2> waiting{{{stop, POLLIN, 0}, {fd, POLLIN, 0}}};
    while (::poll(waiting.data(), waiting.size(), timeout_ms) < 0 && errno == EINTR) {
    }
    return waiting[0].revents == 0 && waiting[1].revents != 0;
}

bool is_readable(int fd) {
    pollfd waiting{fd, POLLIN, 0};
    return ::poll(&waiting, 1, 0) > 0;
}

}  // namespace

Backend::Backend(const BackendOptions& options)
    : options_(options),
      counters_(options.pairs),
      workers_(options.threads == 0 ? options.pairs : options.threads, options.cpus, options.yield),
      listener_(options.connect ? support::UniqueFd{} : listen_on(options.socket)) {}

Backend::~Backend() {
    if (listener_) ::unlink(options_.socket.c_str());
}

support::UniqueFd Backend::next_frontend(int stop) {
    while (!is_readable(stop)) {
        if (listener_) {
            if (!wait_readable(listener_.get(), stop)) continue;
            support::UniqueFd frontend{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
            if (frontend) return frontend;
            continue;
        }
        const auto address = support::socket_address(options_.socket, "vhost-user socket");
        support::UniqueFd frontend{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        if (::connect(frontend.get(), address.get(), address.length) == 0) return frontend;
        static_cast<void>(wait_readable(-1, stop, reconnect_ms));
    }
    return {};
}

void Backend::run(int stop) {
    while (const support::UniqueFd frontend = next_frontend(stop)) {
        try {
            serve(frontend.get(), stop);
        } catch (const std::exception& error) {
            fmt::print(stderr, "vmq_bench_backend: {}\n", error.what());
        }
    }
}

void Backend::serve(int frontend, int stop) {
    Session session{frontend, options_, workers_, counters_};
    while (wait_readable(frontend, stop) && session.handle_one()) {
    }
}

std::string Backend::counters_as_json() const {
    auto pairs = nlohmann::ordered_json::array();
    for (const PairCounters& pair : counters_) {
        pairs.push_back({{"received", pair.received.value()},
                         {"received_bytes", pair.received_bytes.value()},
                         {"sent", pair.sent.value()},
                         {"sent_bytes", pair.sent_bytes.value()},
                         {"dropped", pair.dropped.value()},
                         {"interrupts", pair.interrupts.value()},
                         {"misdeeds", pair.misdeeds.value()}});
    }
    return nlohmann::ordered_json{{"pairs", pairs}}.dump();
}

}  // namespace vmq::bench
