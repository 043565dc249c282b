// A vhost-user backend in this process that sends back what it gets.
#pragma once

#include <string>
#include <thread>

#include "driver/support/event_fd.hpp"
#include "tests/bench/backend/backend.hpp"

namespace vmq::bench {

class Echo {
public:
    explicit Echo(const std::string& socket)
        : backend_(echo_on(socket)), thread_([this] { backend_.run(stop_.fd()); }) {}
    ~Echo() {
        stop_.signal();
        thread_.join();
    }
    Echo(const Echo&) = delete;
    Echo& operator=(const Echo&) = delete;

private:
    static BackendOptions echo_on(const std::string& socket) {
        BackendOptions options;
        options.socket = socket;
        options.pairs = 2;
        options.threads = 1;
        options.yield = true;
        options.mode = Mode::forward;
        options.inject = 0;
        options.features = all_features();
        return options;
    }

    support::EventFd stop_;
    Backend backend_;
    std::thread thread_;
};

}  // namespace vmq::bench
