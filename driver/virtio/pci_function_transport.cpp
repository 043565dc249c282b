// Telling modern from legacy devices, and memory.
#include "driver/virtio/pci_function_transport.hpp"

#include <array>
#include <cstdint>
#include <utility>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "driver/virtio/legacy_pci_transport.hpp"
#include "driver/virtio/pci_capabilities.hpp"
#include "driver/virtio/pci_transport.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::virtio {
namespace {

constexpr std::size_t config_space_size = 256;

std::uint16_t u16(std::span<const std::byte> config, std::size_t at) {
    return static_cast<std::uint16_t>(static_cast<unsigned>(config[at]) | static_cast<unsigned>(config[at + 1]) << 8);
}

void check_identity(std::span<const std::byte> config, const std::string& name) {
    const std::uint16_t vendor = u16(config, 0);
    const std::uint16_t device = u16(config, 2);
    if (vendor == 0xffff)
        support::fail(Errc::device_removed, "reading the PCI configuration of " + name,
                      "it was unplugged or has failed");
    // 4.1.2.2
    if (vendor != pci::vendor_id || (device != pci::net_device_id && device != pci::transitional_net_device_id))
        support::fail(Errc::unsupported, "opening " + name, "it is not a virtio network device");
}

DmaBlock as_block(vfio::DmaBuffer buffer) {
    return {.data = buffer.data,
            .size = buffer.size,
            .iova = Iova{buffer.iova},
            .huge_pages = buffer.huge_pages,
            .owner = std::move(buffer.owner)};
}

}  // namespace

DmaBlock PciFunctionTransport::allocate(std::size_t size, int numa_node) {
    return as_block(std::move(function_->allocate({size, numa_node}).front()));
}

std::vector<DmaBlock> PciFunctionTransport::allocate_array(const support::MemoryNeed& need) {
    std::vector<DmaBlock> pieces;
    for (vfio::DmaBuffer& piece : function_->allocate(need)) pieces.push_back(as_block(std::move(piece)));
    return pieces;
}

DmaBlock PciFunctionTransport::map_memory(std::span<std::byte> memory) {
    return as_block(function_->map_memory(memory));
}

std::unique_ptr<Transport> make_pci_transport(std::unique_ptr<vfio::Function> function) {
    const std::string name = function->address();
    std::array<std::byte, config_space_size> config{};
    function->read_config(0, config);
    check_identity(config, name);
    std::array<std::uint64_t, 6> bar_sizes{};
    for (unsigned bar = 0; bar < bar_sizes.size(); ++bar) bar_sizes[bar] = function->bar_size(bar);
    if (const auto structures = find_structures(config, bar_sizes, name))
        return std::make_unique<PciTransport>(std::move(function), *structures);
    // 4.1.5.1.1.1: without them it has to be a legacy device. 4.1.4.10: whose registers are in I/O space in BAR 0.
    if (u16(config, 2) != pci::transitional_net_device_id || !has_legacy_registers(config, bar_sizes[0]))
        support::fail(Errc::bad_device, "reading the virtio capabilities of " + name,
                      "it has none, and no legacy registers in BAR 0 either");
    return std::make_unique<LegacyPciTransport>(std::move(function));
}

}  // namespace vmq::virtio
