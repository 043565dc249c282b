// Mapping the structures, and what of the transport is more than a register.
#include "driver/virtio/pci_transport.hpp"

#include <chrono>
#include <utility>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"

namespace vmq::virtio {
namespace {

constexpr std::chrono::milliseconds reset_deadline{1000};

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

std::uint32_t notify_offset(const NotifyPlace& place, std::uint16_t notify_off, QueueIndex queue,
                            const std::string& name) {
    const std::uint64_t offset = std::uint64_t{notify_off} * place.multiplier;
    if (offset + place.width > place.length || offset % place.width != 0)
        support::fail(Errc::bad_device,
                      "locating the doorbell of virtqueue " + std::to_string(queue.value) + " of " + name,
                      "at " + std::to_string(offset) + " of " + std::to_string(place.length) + " bytes");
    return static_cast<std::uint32_t>(offset);
}

PciTransport::PciTransport(std::unique_ptr<vfio::Function> owned, const PciStructures& structures)
    : PciFunctionTransport(std::move(owned)),
      structures_(structures),
      registers_(window(function(), structures.common), device_window(function(), structures), name()) {
    if (structures.notify.io_space)
        notify_bar_ = function().bar_file(structures.notify.bar);
    else
        notify_ = window(function(), structures.notify);
}

void PciTransport::reset() {
    registers_.reset(reset_deadline);
    // Not earlier: what a former owner left running must not write any more.
    function().enable_bus_mastering();
}

void PciTransport::reset_queue(QueueIndex queue) { registers_.reset_queue(queue, reset_deadline); }

Doorbell PciTransport::doorbell(QueueIndex queue) {
    // 4.1.5.2.1: the word is the virtqueue's index, or with NOTIF_CONFIG_DATA what the device wants in its place.
    const NotifyWord word{
        features_.has(Feature::notif_config_data) ? registers_.notif_config_data(queue) : queue.value,
        features_.has(Feature::notification_data),
    };
    const NotifyPlace place{structures_.notify_off_multiplier, structures_.notify.length, word.width()};
    const std::uint32_t offset = notify_offset(place, registers_.notify_off(queue), queue, name());
    if (structures_.notify.io_space)
        return Doorbell::at_file(notify_bar_.fd(), notify_bar_.start() + structures_.notify.offset + offset, word);
    return Doorbell::at_register({notify_.base() + offset, word.width()}, word);
}

}  // namespace vmq::virtio
