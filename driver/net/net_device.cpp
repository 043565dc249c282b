// A virtio-net device in operation: what the control thread does with it while it runs.
#include "driver/net/net_device.hpp"

#include <exception>
#include <system_error>
#include <utility>

#include <vmq/error.hpp>

#include "driver/net/attached.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::net {

NetDevice::NetDevice(std::unique_ptr<virtio::Transport> transport, const Options& options, unsigned default_pairs,
                     const ChooseNodes& choose_nodes)
    : options_(options), name_(transport->name()), default_pairs_(default_pairs), transport_(std::move(transport)) {
    try {
        start(choose_nodes);
        put_settings_in_force();
        set_queue_pairs(wanted_pairs());
    } catch (...) {
        reset_for_good();
        throw;
    }
}

// Packets of one pair may lie in another.
NetDevice::~NetDevice() {
    reset_for_good();
    for (const auto& pair : pairs_) pair->abandon();
}

void NetDevice::reset_for_good() noexcept {
    try {
        transport_->reset();
    } catch (const std::exception& error) {
        log(LogLevel::error, name_ + ": reset before closing: " + error.what());
    }
}

std::shared_ptr<Registration> NetDevice::register_memory(std::span<std::byte> memory) {
    return std::make_shared<Registration>(transport_->map_memory(memory), pairs_);
}

Stats NetDevice::stats() const {
    Stats stats;
    for (const auto& pair : pairs_) stats.pairs.push_back(pair->stats());
    stats.config_changes = config_changes_.value();
    stats.announcements = announcements_.value();
    stats.reconnects = reconnects_.value();
    stats.resets = resets_.value();
    if (control_ != nullptr) {
        stats.control_commands = control_->commands();
        stats.control_failures = control_->failures();
    }
    return stats;
}

Info NetDevice::info() const {
    Info info;
    info.name = name_;
    info.mac = mac();
    info.mtu = config_.mtu;
    info.device_mtu = live_.mtu.value_or(1500);
    info.link_up = link_up_.load(std::memory_order_relaxed);
    info.speed = live_.speed;
    info.full_duplex = live_.full_duplex;
    info.receive_mode = settings_.receive_mode;
    info.mac_filters = settings_.mac_filters;
    info.vlans.assign(settings_.vlans.begin(), settings_.vlans.end());
    info.device_features = device_features_.bits();
    info.negotiated_features = features_.bits();
    info.feature_names = virtio::feature_names(features_);
    info.ring_layout = features_.has(virtio::Feature::ring_packed) ? "packed" : "split";
    info.ring_size = pairs_.front()->receiveq().size();
    info.queue_pairs = queue_pairs();
    info.max_queue_pairs = max_queue_pairs();
    info.device_max_queue_pairs = config_.max_queue_pairs;
    info.vectors = plan_.count;
    info.vector_sharing = plan_.sharing();
    info.iommu_mode = transport_->iommu_mode();
    info.buffers_per_pair = buffers_per_pair_;
    info.buffer_size = buffer_size_;
    info.memory_bytes = ring_memory_;
    info.huge_pages = true;
    info.control_queue_usable = control_ != nullptr && control_->usable();
    for (unsigned i = 0; i < pairs_.size(); ++i) {
        const PairCore& pair = *pairs_[i];
        if (pair.pool() != nullptr) {
            info.memory_bytes += pair.pool()->memory_size();
            info.huge_pages = info.huge_pages && pair.pool()->huge_pages();
        }
        PairInfo& row = info.pairs.emplace_back();
        row.pair = i;
        row.state = pair.state();
        row.cpu = pair.placed_cpu();
        row.numa_node = nodes_[i];
        row.thread_id = pair.owner_thread();
        row.thread_cpu = pair.pinned_cpu();
        row.rx_vector = plan_.pairs[i].receive.is_none() ? -1 : plan_.pairs[i].receive.value;
        row.tx_vector = plan_.pairs[i].transmit.is_none() ? -1 : plan_.pairs[i].transmit.value;
    }
    return info;
}

std::vector<int> NetDevice::event_fds() const {
    std::vector<int> fds;
    for (unsigned i = 0; i < common_events_.size() && i < plan_.count; ++i) fds.push_back(common_events_[i].fd());
    return fds;
}

void NetDevice::serve_events() {
    bool config_changed = false;
    for (unsigned i = 0; i < common_events_.size(); ++i)
        if (common_events_[i].drain() != 0 && i == plan_.config.value) config_changed = true;
    if (plan_.mode == WaitMode::shared)
        for (const auto& pair : pairs_) pair->sleeper().wake();
    // Reading the configuration takes a dozen slow accesses: not for the interrupts of queues that share a vector.
    if (config_changed) look_at_config();
}

void NetDevice::stop(const std::string& why) {
    stopped_ = true;
    log(LogLevel::error, name_ + ": " + why);
    for (const auto& pair : pairs_) pair->want(Shape::stopped);
}

void NetDevice::let_go() {
    stop("the system asks for the device back");
    try {
        await_owners(0, max_queue_pairs());
    } catch (const std::system_error& error) {
        log(LogLevel::warning, name_ + ": " + error.what());
    }
    transport_->reset();
}

std::uint64_t NetDevice::vector_interrupts(unsigned vector) const {
    const bool per_pair = plan_.mode == WaitMode::own_vector || plan_.mode == WaitMode::own_vectors;
    if (!per_pair || vector < common_events_.size()) return common_events_[vector].interrupts();
    for (unsigned i = 0; i < pairs_.size(); ++i) {
        if (plan_.pairs[i].receive.value == vector) return pairs_[i]->sleeper().receive_event().interrupts();
        if (plan_.pairs[i].transmit.value == vector) return pairs_[i]->sleeper().transmit_event().interrupts();
    }
    return 0;
}

void NetDevice::log(LogLevel level, std::string_view text) const {
    if (options_.log) options_.log(level, text);
}

}  // namespace vmq::net
