// A modern virtio PCI device, reached through VFIO. VIRTIO 1.3, 4.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "driver/support/mmio.hpp"
#include "driver/vfio/function.hpp"
#include "driver/virtio/pci_capabilities.hpp"
#include "driver/virtio/pci_registers.hpp"
#include "driver/virtio/transport.hpp"

namespace vmq::virtio {

// Finds the device's registers and touches none of them: the first call must be reset(). The device may not do DMA
// before that. Destroying the transport does not reset the device.
class PciTransport final : public Transport {
public:
    // Throws Errc::unsupported for a device that is no virtio network device or has legacy registers only,
    // Errc::bad_device for one whose registers cannot be found.
    explicit PciTransport(std::unique_ptr<vfio::Function> function);

    [[nodiscard]] const std::string& name() const override { return function_->address(); }
    [[nodiscard]] std::string iommu_mode() const override { return function_->iommu_mode(); }

    [[nodiscard]] std::uint8_t status() override { return registers_.status(); }
    void set_status(std::uint8_t status) override { registers_.set_status(status); }
    void reset() override;

    [[nodiscard]] FeatureSet device_features() override { return registers_.device_features(); }
    void set_driver_features(FeatureSet features) override { registers_.set_driver_features(features); }

    [[nodiscard]] std::uint16_t queue_count() override { return registers_.queue_count(); }
    [[nodiscard]] std::uint16_t max_queue_size(QueueIndex queue) override { return registers_.queue_size(queue); }

    [[nodiscard]] unsigned max_vectors() override { return function_->msix_vectors(); }
    [[nodiscard]] std::size_t enable_vectors(std::span<const int> eventfds) override {
        return function_->enable_vectors(eventfds);
    }

    [[nodiscard]] bool set_config_vector(VectorIndex vector) override { return registers_.set_config_vector(vector); }
    [[nodiscard]] bool enable_queue(QueueIndex queue, const QueueConfig& config) override {
        return registers_.enable_queue(queue, config);
    }
    [[nodiscard]] Doorbell doorbell(QueueIndex queue) override;

    [[nodiscard]] bool resets_queues() const override { return registers_.has_queue_reset(); }
    void reset_queue(QueueIndex queue) override;

    void read_config(std::size_t offset, std::span<std::byte> bytes) override { registers_.read_config(offset, bytes); }
    [[nodiscard]] std::size_t config_size() override { return registers_.config_size(); }

    void check_memory(std::span<const support::MemoryNeed> needs) override { function_->check_memory(needs); }
    [[nodiscard]] DmaBlock allocate(std::size_t size, int numa_node) override;
    [[nodiscard]] int request_event_fd() override { return function_->request_event_fd(); }

private:
    std::unique_ptr<vfio::Function> function_;
    PciStructures structures_;
    support::MmioWindow notify_;
    PciRegisters<support::MmioWindow> registers_;
};

}  // namespace vmq::virtio
