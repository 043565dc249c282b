// A modern virtio PCI device, reached through VFIO. VIRTIO 1.3, 4.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "driver/support/file_window.hpp"
#include "driver/support/mmio.hpp"
#include "driver/virtio/pci_capabilities.hpp"
#include "driver/virtio/pci_function_transport.hpp"
#include "driver/virtio/pci_registers.hpp"

namespace vmq::virtio {

class PciTransport final : public PciFunctionTransport {
public:
    // Throws Errc::bad_device for structures that cannot be mapped.
    PciTransport(std::unique_ptr<vfio::Function> function, const PciStructures& structures);

    [[nodiscard]] std::uint8_t status() override { return registers_.status(); }
    void set_status(std::uint8_t status) override { registers_.set_status(status); }
    void reset() override;

    [[nodiscard]] FeatureSet device_features() override { return registers_.device_features(); }
    void set_driver_features(FeatureSet features) override {
        features_ = features;
        registers_.set_driver_features(features);
    }

    [[nodiscard]] std::uint16_t queue_count() override { return registers_.queue_count(); }
    [[nodiscard]] std::uint16_t max_queue_size(QueueIndex queue) override { return registers_.queue_size(queue); }

    [[nodiscard]] bool set_config_vector(VectorIndex vector) override { return registers_.set_config_vector(vector); }
    [[nodiscard]] bool enable_queue(QueueIndex queue, const QueueConfig& config) override {
        return registers_.enable_queue(queue, config);
    }
    [[nodiscard]] Doorbell doorbell(QueueIndex queue) override;

    [[nodiscard]] bool resets_queues() const override { return registers_.has_queue_reset(); }
    void reset_queue(QueueIndex queue) override;

    void read_config(std::size_t offset, std::span<std::byte> bytes) override { registers_.read_config(offset, bytes); }
    [[nodiscard]] std::size_t config_size() override { return registers_.config_size(); }

private:
    PciStructures structures_;
    support::MmioWindow notify_;      // one of these
    support::FileWindow notify_bar_;  // where notifications go to I/O ports
    PciRegisters<support::MmioWindow> registers_;
    FeatureSet features_;
};

}  // namespace vmq::virtio
