// What modern and legacy virtio PCI devices have in common: the PCI function below, with its vectors and its memory,
// and how to tell one from the other. VIRTIO 1.3, 4.1.2 and 4.1.5.1.1.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "driver/vfio/function.hpp"
#include "driver/virtio/transport.hpp"

namespace vmq::virtio {

class PciFunctionTransport : public Transport {
public:
    [[nodiscard]] const std::string& name() const override { return function_->address(); }
    [[nodiscard]] std::string iommu_mode() const override { return function_->iommu_mode(); }

    [[nodiscard]] unsigned max_vectors() override { return function_->msix_vectors(); }
    [[nodiscard]] std::size_t enable_vectors(std::span<const int> eventfds) override {
        return function_->enable_vectors(eventfds);
    }

    void check_memory(std::span<const support::MemoryNeed> needs) override { function_->check_memory(needs); }
    [[nodiscard]] DmaBlock allocate(std::size_t size, int numa_node) override;
    [[nodiscard]] std::vector<DmaBlock> allocate_array(const support::MemoryNeed& need) override;
    [[nodiscard]] DmaBlock map_memory(std::span<std::byte> memory) override;
    [[nodiscard]] int request_event_fd() override { return function_->request_event_fd(); }

protected:
    explicit PciFunctionTransport(std::unique_ptr<vfio::Function> function) : function_(std::move(function)) {}
    [[nodiscard]] vfio::Function& function() noexcept { return *function_; }

private:
    std::unique_ptr<vfio::Function> function_;
};

// The transport for a virtio network device: by its modern registers where it has them, else by its legacy ones.
// Touches no register: the first call must be reset(), and the device may not do DMA before that. Destroying the
// transport does not reset the device. Throws Errc::unsupported for a device that is no virtio network device,
// Errc::bad_device for one whose registers cannot be found, Errc::device_removed.
[[nodiscard]] std::unique_ptr<Transport> make_pci_transport(std::unique_ptr<vfio::Function> function);

}  // namespace vmq::virtio
