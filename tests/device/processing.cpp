// The device at work: packets and commands, on the test's thread or on its own.
#include <algorithm>

#include "tests/device/net_device.hpp"
#include "tests/device/workers.hpp"

namespace vmq::software {

bool NetDevice::process_queue(std::uint16_t queue) {
    if (queue == control_index()) return process_control();
    if (queue / 2u >= lanes_.size()) return false;
    Lane& lane = *lanes_[queue / 2u];
    const std::lock_guard lock{lane.mutex};
    if (!running()) return false;
    return queue % 2 == 0 ? lane.process_receiveq() : lane.process_transmitq();
}

bool NetDevice::process_control() {
    const std::lock_guard lock{control_mutex_};
    if (!running() || !control_ring_.enabled()) return false;
    const bool progressed = control_.process(control_behaviour_, control_handler());
    if (control_ring_.publish()) interrupts_.raise(control_ring_.vector());
    return progressed;
}

bool NetDevice::answer_withheld() {
    const std::lock_guard lock{control_mutex_};
    const bool answered = control_.answer_withheld(control_handler());
    if (control_ring_.publish()) interrupts_.raise(control_ring_.vector());
    return answered;
}

void NetDevice::set_control(const ControlBehaviour& behaviour) {
    const std::lock_guard lock{control_mutex_};
    control_behaviour_ = behaviour;
}

std::uint64_t NetDevice::commands() {
    const std::lock_guard lock{control_mutex_};
    return control_.commands();
}

RssConfig NetDevice::rss() {
    const std::lock_guard lock{control_mutex_};
    return rss_;
}

Settings NetDevice::settings() {
    const std::lock_guard lock{control_mutex_};
    return settings_;
}

bool NetDevice::step() {
    bool progressed = false;
    for (std::uint16_t queue = 0; queue < queue_count(); ++queue) {
        if (queue == control_index() && config_.serve_control_queue) continue;
        take_notifications(queue);
        progressed |= process_queue(queue);
    }
    return progressed;
}

void NetDevice::check_not_owed(std::uint16_t queue) {
    if (queue / 2u >= lanes_.size()) return;
    Lane& lane = *lanes_[queue / 2u];
    const std::lock_guard lock{lane.mutex};
    Virtqueue& ring = queue % 2 == 0 ? lane.receive_ring : lane.transmit_ring;
    if (!running() || !lane.in_use()) return;
    if (ring.notification_owed()) violations_.add(ring.name() + ": not notified of what it asked to be told");
    ring.note_seen();
}

bool NetDevice::step_notified() {
    bool progressed = false;
    for (std::uint16_t queue = 0; queue < queue_count(); ++queue) {
        if (queue == control_index() && config_.serve_control_queue) continue;
        if (!take_notifications(queue)) {
            check_not_owed(queue);
            continue;
        }
        progressed |= process_queue(queue);
    }
    return progressed;
}

void NetDevice::start_threads(unsigned count) { workers_ = Workers::for_pairs(*this, count); }

void NetDevice::stop_threads() { workers_.reset(); }

void NetDevice::wake_threads() {
    if (control_worker_) control_worker_->wake();  // its virtqueue's number comes with the features
    if (workers_) workers_->wake();
}

void NetDevice::set_backend(Backend* backend) {
    lock_lanes([&] { backend_ = backend; });
    wake_threads();
}

void NetDevice::forget_flows() noexcept {
    steering_.forget();
    wake_threads();
}

bool NetDevice::inject(unsigned pair, std::span<const std::byte> packet, const Delivery& delivery) {
    if (!comes_through(settings(), features(), mac(), packet)) {
        filtered_.fetch_add(1, std::memory_order_relaxed);
        return true;
    }
    Lane& lane = *lanes_.at(pair);
    const std::lock_guard lock{lane.mutex};
    return lane.inject(packet, delivery);
}

std::vector<Frame> NetDevice::take_transmitted(unsigned pair) {
    Lane& lane = *lanes_.at(pair);
    const std::lock_guard lock{lane.mutex};
    return std::exchange(lane.transmitted, {});
}

std::uint64_t NetDevice::thrown_away() {
    std::uint64_t sum = 0;
    lock_lanes([&] {
        for (const auto& lane : lanes_) sum += lane->thrown_away;
    });
    return sum;
}

}  // namespace vmq::software
