// Finding the structures in the BARs, and what of the transport is more than a register.
#include "driver/virtio/pci_transport.hpp"

#include <array>
#include <chrono>
#include <utility>

#include <vmq/error.hpp>

#include "driver/support/endian.hpp"
#include "driver/support/errors.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::virtio {
namespace {

constexpr std::chrono::milliseconds reset_deadline{1000};
constexpr std::size_t config_space_size = 256;

void check_identity(std::span<const std::byte> config, const std::string& name) {
    const auto u16 = [config](std::size_t at) {
        return static_cast<std::uint16_t>(static_cast<unsigned>(config[at]) | static_cast<unsigned>(config[at + 1])
                                                                                  << 8);
    };
    const std::uint16_t vendor = u16(0);
    const std::uint16_t device = u16(2);
    if (vendor == 0xffff)
        support::fail(Errc::device_removed, "reading the PCI configuration of " + name,
                      "it was unplugged or has failed");
    // 4.1.2.2
    if (vendor != pci::vendor_id || (device != pci::net_device_id && device != pci::transitional_net_device_id))
        support::fail(Errc::unsupported, "opening " + name, "it is not a virtio network device");
}

PciStructures locate(vfio::Function& function) {
    std::array<std::byte, config_space_size> config{};
    function.read_config(0, config);
    check_identity(config, function.address());
    std::array<std::uint64_t, 6> bar_sizes{};
    for (unsigned bar = 0; bar < bar_sizes.size(); ++bar) bar_sizes[bar] = function.bar_size(bar);
    return find_structures(config, bar_sizes, function.address());
}

support::MmioWindow window(vfio::Function& function, const PciStructure& structure) {
    const std::span<std::byte> bar = function.map_bar(structure.bar);
    if (std::uint64_t{structure.offset} + structure.length > bar.size())
        support::fail(Errc::bad_device, "mapping BAR " + std::to_string(structure.bar) + " of " + function.address(),
                      "the part with its virtio registers cannot be mapped");
    return {bar.data() + structure.offset, structure.length};
}

support::MmioWindow device_window(vfio::Function& function, const PciStructures& structures) {
    return structures.device ? window(function, *structures.device) : support::MmioWindow{};
}

}  // namespace

std::uint32_t notify_offset(std::uint16_t notify_off, std::uint32_t multiplier, std::uint32_t length, QueueIndex queue,
                            const std::string& name) {
    const std::uint64_t offset = std::uint64_t{notify_off} * multiplier;
    if (offset + sizeof(std::uint16_t) > length || offset % sizeof(std::uint16_t) != 0)
        support::fail(Errc::bad_device,
                      "locating the doorbell of virtqueue " + std::to_string(queue.value) + " of " + name,
                      "at " + std::to_string(offset) + " of " + std::to_string(length) + " bytes");
    return static_cast<std::uint32_t>(offset);
}

PciTransport::PciTransport(std::unique_ptr<vfio::Function> function)
    : function_(std::move(function)),
      structures_(locate(*function_)),
      notify_(window(*function_, structures_.notify)),
      registers_(window(*function_, structures_.common), device_window(*function_, structures_), function_->address()) {
}

void PciTransport::reset() {
    registers_.reset(reset_deadline);
    // Not earlier: what a former owner left running must not write any more.
    function_->enable_bus_mastering();
}

void PciTransport::reset_queue(QueueIndex queue) { registers_.reset_queue(queue, reset_deadline); }

Doorbell PciTransport::doorbell(QueueIndex queue) {
    const std::uint32_t offset = notify_offset(registers_.notify_off(queue), structures_.notify_off_multiplier,
                                               structures_.notify.length, queue, name());
    // 4.1.5.2.1: without NOTIF_CONFIG_DATA the word is the virtqueue's index.
    return Doorbell::at_register({notify_.base() + offset, sizeof(std::uint16_t)}, queue.value);
}

DmaBlock PciTransport::allocate(std::size_t size, int numa_node) {
    vfio::DmaBuffer buffer = function_->allocate(size, numa_node);
    return {.data = buffer.data,
            .size = buffer.size,
            .iova = Iova{buffer.iova},
            .huge_pages = buffer.huge_pages,
            .owner = std::move(buffer.owner)};
}

}  // namespace vmq::virtio
