// The device as its driver sees it: status, queues and doorbells.
#include "tests/device/net_device.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "tests/device/header.hpp"
#include "tests/device/workers.hpp"

namespace vmq::software {

using virtio::Feature;

NetDevice::NetDevice(NetConfig config)
    : config_(std::move(config)),
      config_space_(config_.config),
      negotiation_(config_.features, config_.legacy, config_.refuse_features, violations_),
      doorbells_(queue_count()),
      notify_registers_(std::make_unique<std::uint32_t[]>(queue_count())),
      notifications_(std::make_unique<std::atomic<std::uint64_t>[]>(queue_count())) {
    std::fill_n(notify_registers_.get(), queue_count(), not_notified);
    const LaneContext context{memory_, violations_, interrupts_, steering_, backend_};
    for (unsigned pair = 0; pair < config_.pairs; ++pair) lanes_.push_back(std::make_unique<Lane>(pair, context));
    if (config_.serve_control_queue) control_worker_ = Workers::for_control_queue(*this);
}

NetDevice::~NetDevice() = default;

std::uint16_t NetDevice::control_index() const noexcept {
    return static_cast<std::uint16_t>(2 * (features().has(Feature::mq) ? config_.pairs : 1));
}

Virtqueue* NetDevice::ring(std::uint16_t queue) {
    if (queue == control_index()) return &control_ring_;
    if (queue / 2u >= lanes_.size()) return nullptr;
    Lane& lane = *lanes_[queue / 2u];
    return queue % 2 == 0 ? &lane.receive_ring : &lane.transmit_ring;
}

bool NetDevice::running() const noexcept { return negotiation_.has(virtio::device_status::driver_ok); }

void NetDevice::lock_lanes(const std::function<void()>& action) {
    std::vector<std::unique_lock<std::mutex>> locks;
    for (const auto& lane : lanes_) locks.emplace_back(lane->mutex);
    action();
}

void NetDevice::write_status(std::uint8_t status) {
    const bool was_running = running();
    if (!was_running && (status & virtio::device_status::driver_ok) != 0)
        for (std::uint16_t queue = 0; queue < queue_count(); ++queue) take_notifications(queue, true);
    negotiation_.write_status(status);
    if (was_running || !running()) return;
    memory_.set_in_use(true);
    lock_lanes([this] {
        for (const auto& lane : lanes_) {
            lane->start(features());
            lane->close_transmission();
        }
        // 5.1.6.5.5: multiqueue is off until the driver asks for it.
        lanes_[0]->set_in_use(true);
        lanes_[0]->open_transmission();
        pairs_in_use_ = 1;
    });
    wake_threads();
}

void NetDevice::reset() {
    if (removed_) support::fail(Errc::device_removed, "reset of the software device");
    if (config_.never_resets || config_.reset_time > config_.reset_deadline) {
        std::this_thread::sleep_for(config_.reset_deadline);
        support::fail(Errc::device_timeout, "reset of the software device");
    }
    std::this_thread::sleep_for(config_.reset_time);
    const std::lock_guard control_lock{control_mutex_};
    lock_lanes([this] {
        for (const auto& lane : lanes_) lane->stop();
        control_.stop();
        control_ring_.disable();
        negotiation_.reset();
        pairs_in_use_ = 0;
        config_vector_ = virtio::no_vector;
        steering_.forget();
        steering_.set_table({});
        rss_ = {};
        settings_ = {};
        config_space_.change([this](ConfigValues& values) {
            values.mac = config_.config.mac;
            values.announce = false;
        });
        receive_offloads_.reset();
    });
    for (std::uint16_t queue = 0; queue < queue_count(); ++queue) take_notifications(queue, true);
    memory_.set_in_use(false);
}

bool NetDevice::enable_queue(std::uint16_t queue, const virtio::QueueConfig& config) {
    const std::string name = "virtqueue " + std::to_string(queue);
    if (!negotiation_.is_over() || (running() && !features().has(Feature::ring_reset)))
        violations_.add(name + " enabled outside of FEATURES_OK and DRIVER_OK");
    if (config_.legacy && config.size != max_queue_size(queue))
        violations_.add(name + ": " + std::to_string(config.size) + " descriptors on a legacy device");
    const std::lock_guard control_lock{control_mutex_};
    bool connected = true;
    lock_lanes([&] {
        Virtqueue* target = ring(queue);
        if (target == nullptr) return violations_.add(name + " enabled, which does not exist");
        if (target->enabled()) violations_.add(name + " enabled twice");
        virtio::QueueConfig granted = config;
        if (!config.vector.is_none() && config.vector.value >= interrupts_.connected())
            violations_.add(name + ": vector " + std::to_string(config.vector.value) + " is not connected");
        if (config_.refused_vectors.contains(config.vector.value)) granted.vector = virtio::no_vector;
        connected = granted.vector == config.vector;
        target->enable(granted, features(), config_.ring_start);
        control_.want_parts_apart(net_header_is_apart(features()));
    });
    return connected;
}

// 2.6.1
void NetDevice::reset_queue(std::uint16_t queue) {
    const std::string name = "virtqueue " + std::to_string(queue);
    if (!running() || !features().has(Feature::ring_reset)) violations_.add(name + " reset without RING_RESET");
    if (config_.never_resets_queues) {
        std::this_thread::sleep_for(config_.reset_deadline);
        support::fail(Errc::device_timeout, "resetting " + name + " of the software device");
    }
    if (queue / 2u >= lanes_.size()) return violations_.add(name + " reset, which is no receiveq or transmitq");
    Lane& lane = *lanes_[queue / 2u];
    const std::lock_guard lock{lane.mutex};
    Virtqueue* target = ring(queue);
    if (!target->enabled()) violations_.add(name + " reset, which is not enabled");
    target->disable();
    settings_.coalescing.erase(queue);  // 5.1.6.5.9.6
    queue % 2 == 0 ? lane.receiveq.stop() : lane.transmitq.stop();
    take_notifications(queue, true);
}

bool NetDevice::set_config_vector(virtio::VectorIndex vector) {
    if (!vector.is_none() && vector.value >= interrupts_.connected())
        violations_.add("configuration vector " + std::to_string(vector.value) + " is not connected");
    const bool refused = config_.refused_vectors.contains(vector.value);
    config_vector_ = refused ? virtio::no_vector : vector;
    return !refused;
}

void NetDevice::raise_config() {
    if (running()) interrupts_.raise(config_vector_);
}

bool NetDevice::take_notifications(std::uint16_t queue, bool discard) {
    // A doorbell rung before a reset may still be found while the status is 0, and is nobody's fault.
    const auto initialising = [this] { return negotiation_.status() != 0 && !running(); };
    const bool early = initialising();
    const bool by_register = has_notify_registers() && queue != control_index();
    const std::uint64_t rung = by_register ? read_notify_register(queue, discard) : doorbells_[queue].drain();
    if (rung == 0) return false;
    if (early && initialising()) violations_.add("virtqueue " + std::to_string(queue) + " notified before DRIVER_OK");
    if (!discard && running() && features().has(Feature::ring_reset) && !ring(queue)->enabled())
        violations_.add("virtqueue " + std::to_string(queue) + " notified after it was reset");
    if (!discard) notifications_[queue].fetch_add(rung, std::memory_order_relaxed);
    return true;
}

std::uint64_t NetDevice::read_notify_register(std::uint16_t queue, bool discard) {
    const std::uint32_t said = virtio::le32{std::exchange(notify_registers_[queue], not_notified)}.value();
    if (said == not_notified) return 0;
    if (discard || queue / 2u >= lanes_.size()) return 1;
    if ((said & 0xffff) != queue)
        violations_.add("virtqueue " + std::to_string(queue) + " notified as " + std::to_string(said & 0xffff));
    const std::lock_guard lock{lanes_[queue / 2u]->mutex};
    ring(queue)->check_position(static_cast<std::uint16_t>(said >> 16));
    return 1;
}

std::uint16_t NetDevice::max_queue_size(std::uint16_t queue) const {
    if (queue >= queue_count()) return 0;
    const auto special = config_.queue_sizes.find(queue);
    return special != config_.queue_sizes.end() ? special->second : config_.queue_size;
}

std::uint64_t NetDevice::notifications(std::uint16_t queue) const noexcept {
    return notifications_[queue].load(std::memory_order_relaxed);
}

void NetDevice::need_reset() {
    negotiation_.need_reset();
    raise_config();
}

void NetDevice::remove() {
    removed_ = true;
    const std::lock_guard control_lock{control_mutex_};
    lock_lanes([this] {
        for (const auto& lane : lanes_) lane->stop();
        control_.stop();
        control_ring_.disable();
    });
    memory_.set_in_use(false);
}

}  // namespace vmq::software
