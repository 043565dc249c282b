// Which virtio-net functions there are, and handing them between the kernel's driver and vfio-pci.
#include <utility>

#include <vmq/binding.hpp>
#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "driver/vfio/binding.hpp"
#include "driver/vfio/group_holder.hpp"
#include "driver/vfio/pci_address.hpp"
#include "driver/vfio/pci_function.hpp"

namespace vmq {

namespace {

// VIRTIO 1.3, 4.1.2: a network card is 0x1040 + 1, or 0x1000 when it is transitional.
constexpr int virtio_vendor = 0x1af4;
constexpr int modern_net = 0x1041;
constexpr int transitional_net = 0x1000;
constexpr const char* kernel_driver = "virtio-pci";

bool is_virtio_net(const vfio::SystemRoots& roots, const std::string& address) {
    if (vfio::function_number(roots, address, "vendor") != virtio_vendor) return false;
    const int device = vfio::function_number(roots, address, "device");
    return device == modern_net || device == transitional_net;
}

Function describe(const vfio::SystemRoots& roots, std::string address,
                  const std::map<int, vfio::GroupHolder>& holders) {
    Function function;
    function.kernel_interface = vfio::kernel_interface_of(roots, address);
    function.driver = vfio::driver_of(roots, address);
    function.iommu_group = vfio::iommu_group_of(roots, address);
    function.no_iommu = vfio::is_noiommu_group(roots, address);
    function.address = std::move(address);
    if (const auto holder = holders.find(function.iommu_group); holder != holders.end()) {
        function.process_id = holder->second.process_id;
        function.process_name = holder->second.process_name;
    }
    return function;
}

// The address that a name stands for, of a function that is there and is a virtio-net one.
std::string resolve(const vfio::SystemRoots& roots, std::string_view name) {
    const std::string quoted = "\"" + std::string{name} + "\"";
    auto address = vfio::parse_pci_address(name);
    if (!address) address = vfio::function_of_interface(roots, name);
    if (!address || !vfio::function_exists(roots, *address))
        support::fail(Errc::no_such_device, quoted, "neither a PCI address nor a network interface of this machine");
    if (!is_virtio_net(roots, *address))
        support::fail(Errc::no_such_device, quoted, *address + " is there, but is not virtio-net");
    return *std::move(address);
}

}  // namespace

std::vector<Function> list_functions() {
    const vfio::SystemRoots roots;
    const auto holders = vfio::group_holders(roots);
    std::vector<Function> functions;
    for (auto& address : vfio::all_functions(roots))
        if (is_virtio_net(roots, address)) functions.push_back(describe(roots, std::move(address), holders));
    return functions;
}

Function find_function(std::string_view name) {
    const vfio::SystemRoots roots;
    return describe(roots, resolve(roots, name), vfio::group_holders(roots));
}

std::vector<std::string> bind_to_vfio(std::string_view name, const BindOptions& options) {
    const auto host = vfio::this_host();
    return vfio::bind_vfio(host, resolve(host.roots, name), options);
}

std::vector<std::string> unbind_from_vfio(std::string_view name, const BindOptions& options) {
    const auto host = vfio::this_host();
    return vfio::bind_kernel(host, resolve(host.roots, name), kernel_driver, options.dry_run);
}

}  // namespace vmq
