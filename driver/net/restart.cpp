// A device that went away and comes back, or is reset, with everything as it was but the packets in flight. Owners keep
// their pairs all the time: they leave the rings alone, then clear them, then go on. VIRTIO 1.3, 3.1.1, 2.1.1.
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
        if (!lost_) lose("the device is gone; waiting for it");
        if (!cleared_) clear_rings();
        if (!transport_->reconnect()) return;
        resume([this] { return connect_vectors(); });
        reconnects_.add();
    } catch (const std::system_error& error) {
        note_trouble(error.what());
    }
}

void NetDevice::reset() {
    const std::string request = name_ + ": reset";
    if (stopped_) support::fail(Errc::device_removed, request, "the device has stopped");
    if (lost_) support::fail(Errc::device_removed, request, "the device is away, and waited for");
    each_prepared_pair(Shape::suspended);
    try {
        await_owners(0, max_queue_pairs());
        lose("the device is reset");
    } catch (...) {
        give_shapes();
        throw;
    }
    revive();
}

// Nothing of the device is believed before it reads back as reset; then everything is told to it again.
void NetDevice::revive() {
    try {
        transport_->reset();
    } catch (...) {
        transport_->disconnect();
        throw;
    }
    // The vectors stay: a virtio reset takes only what the device knows of them.
    resume([this] { return transport_->set_config_vector(plan_.config); });
    resets_.add();
}

// The device wants to be reset, or did not come back from it: until it works.
void NetDevice::try_to_revive() {
    try {
        lost_ ? revive() : reset();
    } catch (const std::system_error& error) {
        if (error.code() == Errc::device_removed) return stop(error.what());
        note_trouble(error.what());
    }
}

// What is tried again until it works gets one line for each new trouble.
void NetDevice::note_trouble(const std::string& what) {
    if (std::exchange(last_trouble_, what) != what) log(LogLevel::error, what);
}

void NetDevice::lose(const std::string& why) {
    const std::string text = name_ + ": link down: " + why;
    lost_ = true;
    cleared_ = false;
    if (link_up_.exchange(false, std::memory_order_relaxed)) config_changes_.add();
    log(LogLevel::warning, text);
}

// What was in flight is lost and counted, and every buffer is back with its owner.
void NetDevice::clear_rings() {
    each_prepared_pair(Shape::suspended);
    await_owners(0, max_queue_pairs());
    each_prepared_pair(Shape::cleared);
    await_owners(0, max_queue_pairs());
    cleared_ = true;
}

void NetDevice::resume(const std::function<bool()>& have_vectors) {
    try {
        // Once more: until its end was complete the old device may have written to the rings.
        clear_rings();
        auto acknowledged = virtio::Reset(*transport_).acknowledge();
        require_same_features();
        auto device = std::move(acknowledged).accept(features_);
        require_same_queues();
        if (control_ != nullptr) control_->restart();
        if (!have_vectors() || !enable_queues(device))
            support::fail(Errc::device_refused, name_ + ": the device came back without its interrupt vectors");
        static_cast<void>(std::move(device).start());
        put_settings_in_force();
    } catch (...) {
        transport_->disconnect();
        throw;
    }
    lost_ = false;
    last_trouble_.clear();
    config_changes_.add();
    begin_following_config();
    for (unsigned i = 0; i < queue_pairs(); ++i) pairs_[i]->notify_receiveq();
    give_shapes();
    log(LogLevel::warning, name_ + ": link up: the device is back");
}

void NetDevice::give_shapes() {
    for (unsigned i = 0; i < max_queue_pairs(); ++i)
        if (pairs_[i]->pool() != nullptr) pairs_[i]->want(i < queue_pairs() ? Shape::active : Shape::parked);
}

// The application has been told what the device is like, and its rings and buffers are made for that.
void NetDevice::require_same_features() const {
    const virtio::FeatureSet lacking{features_.bits() & ~transport_->device_features().bits()};
    if (lacking.bits() != 0) {
        std::string names;
        for (const std::string& name : virtio::feature_names(lacking)) names += " " + name;
        support::fail(Errc::unsupported, name_ + ": the device that came back lacks" + names,
                      "start its backend as it was, or restart this application");
    }
}

// Once MQ is negotiated, before which QEMU shows a single pair.
void NetDevice::require_same_queues() const {
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
