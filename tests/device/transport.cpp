// Handing the driver's calls to the device.
#include "tests/device/transport.hpp"

#include <algorithm>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"

namespace vmq::software {

std::unique_ptr<virtio::Transport> NetDevice::transport() { return std::make_unique<SoftwareTransport>(*this); }

std::uint8_t SoftwareTransport::status() {
    if (device_.removed_) support::fail(Errc::device_removed, "reading the device status of the software device");
    return device_.negotiation_.status();
}

void SoftwareTransport::set_status(std::uint8_t status) {
    if (status == 0) return reset();
    if (!device_.removed_) device_.write_status(status);
}

void SoftwareTransport::reset() { device_.reset(); }

virtio::FeatureSet SoftwareTransport::device_features() { return device_.negotiation_.offered(); }

void SoftwareTransport::set_driver_features(virtio::FeatureSet features) { device_.negotiation_.accept(features); }

bool SoftwareTransport::is_legacy() const { return device_.config_.legacy; }

std::uint16_t SoftwareTransport::queue_count() { return device_.queue_count(); }

std::uint16_t SoftwareTransport::max_queue_size(virtio::QueueIndex queue) {
    return device_.max_queue_size(queue.value);
}

unsigned SoftwareTransport::max_vectors() { return device_.config_.max_vectors; }

std::size_t SoftwareTransport::enable_vectors(std::span<const int> eventfds) {
    const std::size_t most = std::min<std::size_t>(
        device_.config_.granted_vectors.value_or(device_.config_.max_vectors), device_.config_.max_vectors);
    if (eventfds.size() > most) {
        device_.interrupts_.connect({});
        return most;
    }
    device_.interrupts_.connect(eventfds);
    return eventfds.size();
}

bool SoftwareTransport::set_config_vector(virtio::VectorIndex vector) { return device_.set_config_vector(vector); }

bool SoftwareTransport::enable_queue(virtio::QueueIndex queue, const virtio::QueueConfig& config) {
    return device_.enable_queue(queue.value, config);
}

virtio::Doorbell SoftwareTransport::doorbell(virtio::QueueIndex queue) {
    if (!device_.has_notify_registers() || queue.value == device_.control_index())
        return virtio::Doorbell::at_eventfd(device_.doorbells_.at(queue.value).fd());
    auto* const place = reinterpret_cast<std::byte*>(&device_.notify_registers_[queue.value]);
    return virtio::Doorbell::at_register({place, sizeof(std::uint32_t)}, {queue.value, true});
}

void SoftwareTransport::read_config(std::size_t offset, std::span<std::byte> bytes) {
    if (device_.removed_)
        std::fill(bytes.begin(), bytes.end(), std::byte{0xff});
    else
        device_.config_space_.read(offset, bytes);
}

std::size_t SoftwareTransport::config_size() { return device_.config_space_.size(); }

virtio::DmaBlock SoftwareTransport::allocate(std::size_t size, int numa_node) {
    return device_.memory_.allocate(size, numa_node);
}

virtio::DmaBlock SoftwareTransport::map_memory(std::span<std::byte> memory) { return device_.memory_.map(memory); }

int SoftwareTransport::request_event_fd() { return device_.request_.fd(); }

}  // namespace vmq::software
