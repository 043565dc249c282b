// A vhost-user backend in this process that sends back what it gets.
#pragma once

#include <string>
#include <thread>

#include "driver/support/event_fd.hpp"
#include "tests/bench/backend/backend.hpp"

namespace vmq::crash {

class Peer {
public:
    explicit Peer(const std::string& socket)
        : backend_(echo_on(socket)), thread_([this] { backend_.run(stop_.fd()); }) {}
    ~Peer() {
        stop_.signal();
        thread_.join();
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

private:
    static bench::BackendOptions echo_on(const std::string& socket) {
        bench::BackendOptions options;
        options.socket = socket;
        options.pairs = 2;
        options.threads = 1;
        options.yield = true;
        options.mode = bench::Mode::forward;
        options.inject = 0;
        options.features = bench::all_features();
        return options;
    }

    support::EventFd stop_;
    bench::Backend backend_;
    std::thread thread_;
};

}  // namespace vmq::crash
