// Device::open: from an address to a transport.
#include <memory>
#include <string>
#include <utility>

#include <vmq/device.hpp>

#include "driver/device_factory.hpp"
#include "driver/support/errors.hpp"
#include "driver/vfio/function.hpp"
#include "driver/vhost/transport.hpp"
#include "driver/virtio/pci_function_transport.hpp"

namespace vmq {

namespace {

std::unique_ptr<virtio::Transport> open_pci(std::string_view address, const Options& options) {
    auto function = vfio::Function::open(address, {.huge_pages = options.huge_pages});
    auto transport = virtio::make_pci_transport(std::move(function));
    transport->reset();
    // VFIO gives out I/O virtual addresses. A device that goes around the IOMMU would take them for physical ones
    // and write over this machine's memory. VIRTIO 1.3, 6.1.
    if (!transport->device_features().has(virtio::Feature::access_platform)) {
        support::fail(Errc::unsupported,
                      transport->name() +
                          ": the device does not offer ACCESS_PLATFORM, so the IOMMU would not translate its accesses",
                      "start QEMU's device with iommu_platform=on");
    }
    return transport;
}

}  // namespace

Device Device::open(std::string_view address, const Options& options) {
    if (const auto socket = vhost::parse_address(address))
        return DeviceFactory::open(std::make_unique<vhost::VhostUserTransport>(*socket, options), options);
    return DeviceFactory::open(open_pci(address, options), options);
}

}  // namespace vmq
