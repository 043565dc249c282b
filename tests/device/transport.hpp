// The bus between the driver under test and the software device.
#pragma once

#include <string>

#include "driver/virtio/transport.hpp"
#include "tests/device/net_device.hpp"

namespace vmq::software {

class SoftwareTransport : public virtio::Transport {
public:
    explicit SoftwareTransport(NetDevice& device) noexcept : device_(device) {}

    [[nodiscard]] const std::string& name() const override { return name_; }
    [[nodiscard]] std::string iommu_mode() const override { return "checked"; }

    [[nodiscard]] bool is_legacy() const override;

    [[nodiscard]] std::uint8_t status() override;
    void set_status(std::uint8_t status) override;
    void reset() override;

    [[nodiscard]] virtio::FeatureSet device_features() override;
    void set_driver_features(virtio::FeatureSet features) override;

    [[nodiscard]] std::uint16_t queue_count() override;
    [[nodiscard]] std::uint16_t max_queue_size(virtio::QueueIndex queue) override;

    [[nodiscard]] unsigned max_vectors() override;
    [[nodiscard]] std::size_t enable_vectors(std::span<const int> eventfds) override;
    [[nodiscard]] bool set_config_vector(virtio::VectorIndex vector) override;
    [[nodiscard]] bool enable_queue(virtio::QueueIndex queue, const virtio::QueueConfig& config) override;
    [[nodiscard]] virtio::Doorbell doorbell(virtio::QueueIndex queue) override;
    [[nodiscard]] bool resets_queues() const override { return true; }
    void reset_queue(virtio::QueueIndex queue) override { device_.reset_queue(queue.value); }

    void read_config(std::size_t offset, std::span<std::byte> bytes) override;
    [[nodiscard]] std::size_t config_size() override;

    [[nodiscard]] virtio::DmaBlock allocate(std::size_t size, int numa_node) override;
    [[nodiscard]] virtio::DmaBlock map_memory(std::span<std::byte> memory) override;
    [[nodiscard]] int request_event_fd() override;

private:
    NetDevice& device_;
    std::string name_ = "software:0";
};

}  // namespace vmq::software
