// Which virtio-net functions there are, who drives them, and handing them between the kernel's driver and vfio-pci.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmq/export.hpp>

namespace vmq {

struct Function {
    std::string address;           // "0000:00:04.0"
    std::string kernel_interface;  // "eth0", empty when the kernel's driver does not have it
    std::string driver;            // "virtio-pci", "vfio-pci", empty: none
    int iommu_group = -1;          // -1: none
    bool no_iommu = false;         // a group of vfio's no-IOMMU mode: nothing protects memory from the function
    int process_id = 0;            // who has the group open, 0: nobody (or not visible to the caller)
    std::string process_name;
};

// Every virtio-net PCI function, by address. Reads sysfs; throws std::system_error when that is not there.
[[nodiscard]] VMQ_EXPORT std::vector<Function> list_functions();

// Resolves "0000:00:04.0", "00:04.0" or a kernel interface name; throws Errc::no_such_device naming what was looked
// for.
[[nodiscard]] VMQ_EXPORT Function find_function(std::string_view name);

struct BindOptions {
    bool force = false;    // also when the kernel's interface carries an address or a route
    bool dry_run = false;  // change nothing
};

// To vfio-pci through driver_override, and back to virtio-pci. Verified afterwards; on failure the former driver has it
// again. Return what was (or, with dry_run, would be) written, one "value > file" a line; empty when there was nothing
// to do. Block until the kernel has done it. Throw std::system_error: Errc::interface_in_use, Errc::no_such_device,
// EACCES, or the kernel's reason with the cure.
VMQ_EXPORT std::vector<std::string> bind_to_vfio(std::string_view name, const BindOptions& options = {});
VMQ_EXPORT std::vector<std::string> unbind_from_vfio(std::string_view name, const BindOptions& options = {});

}  // namespace vmq
