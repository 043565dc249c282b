// A legacy (0.9.5) virtio PCI device, reached through VFIO by its I/O ports. VIRTIO 1.3, 4.1.4.10.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "driver/support/file_window.hpp"
#include "driver/virtio/legacy_registers.hpp"
#include "driver/virtio/pci_function_transport.hpp"

namespace vmq::virtio {

// Whether BAR 0 is in I/O space and large enough. `config` is the function's configuration space.
[[nodiscard]] bool has_legacy_registers(std::span<const std::byte> config, std::uint64_t bar_size) noexcept;

// 32 feature bits, no FEATURES_OK, queues of the device's size at page numbers, and everything that is more than a byte
// wide in the byte order of the processor: 2.2.3, 3.1.2, 2.7.2, 2.7.3.
class LegacyPciTransport final : public PciFunctionTransport {
public:
    // Throws Errc::unsupported on a big-endian machine.
    explicit LegacyPciTransport(std::unique_ptr<vfio::Function> function);

    [[nodiscard]] bool is_legacy() const override { return true; }

    [[nodiscard]] std::uint8_t status() override { return registers_.status(); }
    void set_status(std::uint8_t status) override { registers_.set_status(status); }
    void reset() override;

    [[nodiscard]] FeatureSet device_features() override { return registers_.device_features(); }
    void set_driver_features(FeatureSet features) override { registers_.set_driver_features(features); }

    [[nodiscard]] std::uint16_t queue_count() override { return registers_.queue_count(); }
    [[nodiscard]] std::uint16_t max_queue_size(QueueIndex queue) override { return registers_.queue_size(queue); }

    [[nodiscard]] std::size_t enable_vectors(std::span<const int> eventfds) override;
    [[nodiscard]] bool set_config_vector(VectorIndex vector) override { return registers_.set_config_vector(vector); }
    [[nodiscard]] bool enable_queue(QueueIndex queue, const QueueConfig& config) override {
        return registers_.enable_queue(queue, config);
    }
    [[nodiscard]] Doorbell doorbell(QueueIndex queue) override;

    void read_config(std::size_t offset, std::span<std::byte> bytes) override { registers_.read_config(offset, bytes); }
    [[nodiscard]] std::size_t config_size() override { return registers_.config_size(); }

private:
    support::FileWindow ports_;
    LegacyRegisters<support::FileWindow> registers_;
};

}  // namespace vmq::virtio
