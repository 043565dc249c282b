// One PCI function, opened through VFIO: all that a transport needs of it.
#include "driver/vfio/function.hpp"

#include <cstring>
#include <utility>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "driver/vfio/container.hpp"
#include "driver/vfio/device.hpp"
#include "driver/vfio/dma_region.hpp"
#include "driver/vfio/foreign_memory.hpp"
#include "driver/vfio/group.hpp"
#include "driver/vfio/huge_pages.hpp"
#include "driver/vfio/interrupts.hpp"
#include "driver/vfio/locked_memory.hpp"
#include "driver/vfio/memory_plan.hpp"
#include "driver/vfio/pci_address.hpp"
#include "driver/vfio/pci_function.hpp"
#include "driver/vfio/physical_arena.hpp"
#include "driver/vfio/physical_region.hpp"

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
    const int group = usable_group({}, address_, options_.no_iommu);
    const bool no_iommu = is_noiommu_group({}, address_);
    container_ = std::make_shared<Container>(address_, no_iommu);
    if (no_iommu) use_physical_addresses();
    group_ = std::make_unique<Group>(address_, group, no_iommu);
    container_->attach(*group_);
    device_ = std::make_unique<Device>(address_, group_->open_device());
    interrupts_ = std::make_unique<Interrupts>(*device_);
}

Function::~Function() = default;

std::string Function::iommu_mode() const {
    if (container_->no_iommu()) return "no-IOMMU: nothing protects memory from the device";
    if (arena_) return "physical addresses: nothing protects memory from the device if it goes around the IOMMU";
    return "type1v2";
}

void Function::use_physical_addresses() {
    if (arena_) return;
    if (options_.huge_pages == HugePages::never)
        support::fail(Errc::unsupported, address_ + ": physical addresses without huge pages",
                      "leave Options::huge_pages at preferred");
    arena_ = std::make_unique<PhysicalArena>(
        [this](const support::MemoryNeed& need) { return take_physical_runs(container_, need); });
}

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

void Function::check_memory(std::span<const support::MemoryNeed> needs) const {
    const HugePageStock stock{available_huge_pages({}, huge_2m), available_huge_pages({}, huge_1g)};
    const MemoryPlan plan =
        arena_ ? plan_physical(needs, stock) : plan_mapped(needs, options_.huge_pages, container_->page_size(), stock);
    if (!plan.enough)
        support::fail(std::make_error_code(std::errc::not_enough_memory), address_ + ": huge pages for the device",
                      huge_page_cure({}, huge_2m, plan.of_2m));
    if (container_->no_iommu()) return;  // nothing is pinned, and huge pages count as locked by nobody
    check_locked_memory(address_, plan.locked);
    check_mappings(address_, plan.mappings, container_->mapping_limit());
}

std::vector<DmaBuffer> Function::allocate(const support::MemoryNeed& need) {
    if (arena_) {
        auto pieces = arena_->allocate(need);
        for (const DmaBuffer& piece : pieces)
            std::memset(piece.data, 0, piece.size);  // an earlier block may have been there
        return pieces;
    }
    const auto region = DmaRegion::create(container_, need.bytes(), need.numa_node, options_.huge_pages);
    return {{region->data(), region->size(), region->iova(), region->huge_pages(), region}};
}

DmaBuffer Function::map_memory(std::span<std::byte> memory) {
    return arena_ ? map_foreign_physical(container_, memory) : map_foreign(container_, memory);
}

}  // namespace vmq::vfio
