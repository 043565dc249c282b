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

// VFIO gives out I/O virtual addresses. A device that goes around the IOMMU would take them for physical ones and write
// over this machine's memory. VIRTIO 1.3, 6.1. It gets physical ones, if the application accepts what that means.
void choose_addresses(vfio::Function& function, virtio::Transport& transport, const Options& options) {
    virtio::FeatureSet offered = transport.device_features();
    for (const std::string& name : options.refused_features) offered.remove(virtio::parse_feature(name));
    if (offered.has(virtio::Feature::access_platform)) return;
    if (options.no_iommu) return function.use_physical_addresses();
    const std::string modern = transport.is_legacy() ? "disable-modern=off,iommu_platform=on" : "iommu_platform=on";
    support::fail(Errc::unsupported,
                  function.address() + ": " + (transport.is_legacy() ? "a legacy device" : "the device") +
                      " does not offer ACCESS_PLATFORM, so the IOMMU would not translate its accesses",
                  "start QEMU's device with " + modern + ", or accept that nothing protects memory from it with " +
                      "Options::no_iommu (--no-iommu)");
}

std::unique_ptr<virtio::Transport> open_pci(std::string_view address, const Options& options) {
    auto opened = vfio::Function::open(address, {.huge_pages = options.huge_pages, .no_iommu = options.no_iommu});
    vfio::Function& function = *opened;
    auto transport = virtio::make_pci_transport(std::move(opened));
    transport->reset();
    choose_addresses(function, *transport, options);
    return transport;
}

}  // namespace

Device Device::open(std::string_view address, const Options& options) {
    if (const auto socket = vhost::parse_address(address))
        return DeviceFactory::open(std::make_unique<vhost::VhostUserTransport>(*socket, options), options);
    return DeviceFactory::open(open_pci(address, options), options);
}

}  // namespace vmq
