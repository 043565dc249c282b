// The software device's own threads: they sleep until a doorbell rings, and serve their queues.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "driver/support/event_fd.hpp"

namespace vmq::software {

class NetDevice;

class Workers {
public:
    // `count` threads that share the pairs: thread t has pair t, t + count, …
    static std::unique_ptr<Workers> for_pairs(NetDevice& device, unsigned count);
    static std::unique_ptr<Workers> for_control_queue(NetDevice& device);
    ~Workers();

    void wake() const;

private:
    struct Duty {
        std::vector<unsigned> pairs;
        bool control_queue = false;
        support::EventFd wake;
    };
    explicit Workers(NetDevice& device) noexcept : device_(device) {}

    void start();
    void run(const Duty& duty, const std::stop_token& stop);
    bool serve(const Duty& duty);
    [[nodiscard]] bool may_sleep(const Duty& duty);
    void sleep(const Duty& duty);

    NetDevice& device_;
    std::vector<std::unique_ptr<Duty>> duties_;
    std::vector<std::jthread> threads_;
};

}  // namespace vmq::software
