// A device that went away and comes back, with everything as it was but the packets in flight. Owners keep their pairs
// all the time: they leave the rings alone, then clear them, then go on. VIRTIO 1.3, 3.1.1, 2.1.1.
#include <string>
#include <system_error>
#include <utility>

#include <vmq/error.hpp>

#include "driver/net/net_device.hpp"
#include "driver/support/errors.hpp"
#include "driver/virtio/initialisation.hpp"

namespace vmq::net {

void NetDevice::serve_connection() {
    if (transport_->check_connection() || stopped_) return;
    try {
        if (!lost_) lose();
        if (!cleared_) clear_rings();
        if (!transport_->reconnect()) return;
        resume();
        last_trouble_.clear();
    } catch (const std::system_error& error) {
        // This comes again until it works; one line for each new trouble is enough.
        if (std::exchange(last_trouble_, error.what()) != error.what()) log(LogLevel::error, last_trouble_);
    }
}

void NetDevice::lose() {
    lost_ = true;
    cleared_ = false;
    if (link_up_.exchange(false, std::memory_order_relaxed)) config_changes_.add();
    log(LogLevel::warning, name_ + ": link down: the device is gone; waiting for it");
}

// What was in flight is lost and counted, and every buffer is back with its owner.
void NetDevice::clear_rings() {
    each_prepared_pair(Shape::suspended);
    await_owners(0, max_queue_pairs());
    each_prepared_pair(Shape::cleared);
    await_owners(0, max_queue_pairs());
    cleared_ = true;
}

void NetDevice::resume() {
    try {
        // Once more: until its end was complete the old device may have written to the rings.
        clear_rings();
        auto acknowledged = virtio::Reset(*transport_).acknowledge();
        require_same_device();
        auto device = std::move(acknowledged).accept(features_);
        if (!connect_vectors() || !enable_queues(device))
            support::fail(Errc::device_refused, name_ + ": the device came back without its interrupt vectors");
        static_cast<void>(std::move(device).start());
        if (control_ != nullptr) control_->forget_unanswered();
        start_hashing();
        start_receive_offloads();
        if (queue_pairs() > 1) command_queue_pairs(queue_pairs());
    } catch (...) {
        transport_->disconnect();
        throw;
    }
    lost_ = false;
    reconnects_.add();
    config_changes_.add();
    link_up_.store(read_link_up(*transport_, features_), std::memory_order_relaxed);
    for (unsigned i = 0; i < max_queue_pairs(); ++i) {
        if (pairs_[i]->pool() == nullptr) continue;
        if (i < queue_pairs()) pairs_[i]->notify_receiveq();
        pairs_[i]->want(i < queue_pairs() ? Shape::active : Shape::parked);
    }
    log(LogLevel::warning, name_ + ": link up: the device is back");
}

// The application has been told what the device is like, and its rings and buffers are made for that.
void NetDevice::require_same_device() const {
    const virtio::FeatureSet lacking{features_.bits() & ~transport_->device_features().bits()};
    if (lacking.bits() != 0) {
        std::string names;
        for (const std::string& name : virtio::feature_names(lacking)) names += " " + name;
        support::fail(Errc::unsupported, name_ + ": the device that came back lacks" + names,
                      "start its backend as it was, or restart this application");
    }
    if (transport_->queue_count() < 2 * max_queue_pairs()) {
        support::fail(Errc::unsupported,
                      name_ + ": the device that came back has " + std::to_string(transport_->queue_count() / 2) +
                          " queue pairs, not " + std::to_string(max_queue_pairs()),
                      "start its backend as it was, or restart this application");
    }
}

void NetDevice::each_prepared_pair(Shape shape) {
    for (const auto& pair : pairs_)
        if (pair->pool() != nullptr) pair->want(shape);
}

}  // namespace vmq::net
