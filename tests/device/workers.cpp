// Serving and sleeping.
#include "tests/device/workers.hpp"

#include <algorithm>
#include <chrono>
#include <poll.h>

#include "tests/device/net_device.hpp"

namespace vmq::software {

std::unique_ptr<Workers> Workers::for_pairs(NetDevice& device, unsigned count) {
    std::unique_ptr<Workers> workers{new Workers{device}};
    for (unsigned t = 0; t < count; ++t) {
        auto duty = std::make_unique<Duty>();
        for (unsigned pair = t; pair < device.pairs(); pair += count) duty->pairs.push_back(pair);
        workers->duties_.push_back(std::move(duty));
    }
    workers->start();
    return workers;
}

std::unique_ptr<Workers> Workers::for_control_queue(NetDevice& device) {
    std::unique_ptr<Workers> workers{new Workers{device}};
    workers->duties_.push_back(std::make_unique<Duty>());
    workers->duties_.back()->control_queue = true;
    workers->start();
    return workers;
}

Workers::~Workers() {
    for (auto& thread : threads_) thread.request_stop();
    wake();
}

void Workers::start() {
    for (const auto& duty : duties_)
        threads_.emplace_back([this, &duty = *duty](const std::stop_token& stop) { run(duty, stop); });
}

void Workers::wake() const {
    for (const auto& duty : duties_) duty->wake.signal();
}

void Workers::run(const Duty& duty, const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        if (serve(duty)) continue;
        if (may_sleep(duty)) sleep(duty);
    }
}

bool Workers::serve(const Duty& duty) {
    if (duty.control_queue) {
        device_.take_notifications(device_.control_index());
        return device_.process_control();
    }
    bool progressed = false;
    for (const unsigned pair : duty.pairs) {
        const auto receiveq = static_cast<std::uint16_t>(2 * pair);
        const auto transmitq = static_cast<std::uint16_t>(2 * pair + 1);
        device_.take_notifications(transmitq);
        progressed |= device_.process_queue(transmitq);
        device_.take_notifications(receiveq);
        progressed |= device_.process_queue(receiveq);
    }
    return progressed;
}

// Notifications are asked for before the last look, or driver and device both sleep.
bool Workers::may_sleep(const Duty& duty) {
    if (duty.control_queue) {
        const std::lock_guard lock{device_.control_mutex_};
        return device_.control_ring_.want_notifications(true) || device_.control_.due().has_value();
    }
    return std::all_of(duty.pairs.begin(), duty.pairs.end(), [this](unsigned pair) {
        Lane& lane = *device_.lanes_[pair];
        const std::lock_guard lock{lane.mutex};
        if (!lane.in_use()) return true;
        const bool transmit = lane.transmit_ring.want_notifications(true);
        const bool receive = lane.receive_ring.want_notifications(true);
        return transmit && receive;
    });
}

void Workers::sleep(const Duty& duty) {
    std::vector<pollfd> watched{{.fd = duty.wake.fd(), .events = POLLIN, .revents = 0}};
    const auto watch = [&](unsigned queue) {
        watched.push_back({.fd = device_.doorbells_[queue].fd(), .events = POLLIN, .revents = 0});
    };
    for (const unsigned pair : duty.pairs) {
        watch(2 * pair);
        watch(2 * pair + 1);
    }
    int timeout = -1;
    if (duty.control_queue) {
        watch(device_.control_index());
        const std::lock_guard lock{device_.control_mutex_};
        if (const auto due = device_.control_.due()) {
            using std::chrono::milliseconds;
            const auto left = std::chrono::ceil<milliseconds>(*due - ControlQueue::Clock::now());
            timeout = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
        }
    }
    ::poll(watched.data(), watched.size(), timeout);
    [[maybe_unused]] const auto woken = duty.wake.drain();
}

}  // namespace vmq::software
