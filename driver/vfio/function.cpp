// One PCI function, opened through VFIO: all that a transport needs of it.
#include "driver/vfio/function.hpp"

#include <utility>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "driver/vfio/container.hpp"
#include "driver/vfio/device.hpp"
#include "driver/vfio/dma_region.hpp"
#include "driver/vfio/group.hpp"
#include "driver/vfio/interrupts.hpp"
#include "driver/vfio/locked_memory.hpp"
#include "driver/vfio/pci_address.hpp"

namespace vmq::vfio {

std::unique_ptr<Function> Function::open(std::string_view address, const MemoryOptions& options) {
    auto whole = parse_pci_address(address);
    if (!whole)
        support::fail(Errc::no_such_device, "\"" + std::string{address} + "\"",
                      "a PCI address reads 0000:00:04.0 or 00:04.0");
    return std::unique_ptr<Function>{new Function{*std::move(whole), options}};
}

Function::Function(std::string address, const MemoryOptions& options)
    : address_(std::move(address)), options_(options) {
    const int group = usable_group({}, address_);
    container_ = std::make_shared<Container>(address_);
    group_ = std::make_unique<Group>(address_, group);
    container_->attach(*group_);
    device_ = std::make_unique<Device>(address_, group_->open_device());
    interrupts_ = std::make_unique<Interrupts>(*device_);
}

Function::~Function() = default;

std::string Function::iommu_mode() const { return "type1v2"; }

void Function::read_config(std::size_t offset, std::span<std::byte> bytes) const {
    device_->read_config(offset, bytes);
}

void Function::write_config(std::size_t offset, std::span<const std::byte> bytes) const {
    device_->write_config(offset, bytes);
}

std::uint64_t Function::bar_size(unsigned bar) const { return device_->bar_size(bar); }

std::span<std::byte> Function::map_bar(unsigned bar) {
    if (bar >= bars_.size()) return {};
    if (bars_[bar].data() == nullptr) bars_[bar] = device_->map_bar(bar);
    return bars_[bar].bytes();
}

support::FileWindow Function::bar_file(unsigned bar) const { return device_->bar_file(bar); }

void Function::enable_bus_mastering() { device_->enable_bus_mastering(); }

unsigned Function::msix_vectors() const { return interrupts_->vectors(); }

std::size_t Function::enable_vectors(std::span<const int> eventfds) { return interrupts_->enable(eventfds); }

int Function::request_event_fd() const { return interrupts_->request_event_fd(); }

void Function::check_memory(std::size_t bytes) const { check_locked_memory(address_, bytes); }

DmaBuffer Function::allocate(std::size_t size, int numa_node) {
    const auto region = DmaRegion::create(container_, size, numa_node, options_.huge_pages);
    return {region->data(), region->size(), region->iova(), region->huge_pages(), region};
}

}  // namespace vmq::vfio
