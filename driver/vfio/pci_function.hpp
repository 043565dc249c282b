// What sysfs tells of PCI functions. Addresses are whole ones ("0000:00:04.0").
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "driver/vfio/system_roots.hpp"

namespace vmq::vfio {

// /sys/bus/pci/devices/ADDRESS
[[nodiscard]] std::filesystem::path function_path(const SystemRoots& roots, std::string_view address);
[[nodiscard]] bool function_exists(const SystemRoots& roots, std::string_view address);

// The addresses of all functions, sorted. Throws std::system_error when there is no sysfs or no PCI.
[[nodiscard]] std::vector<std::string> all_functions(const SystemRoots& roots);

// A file that holds a number in sysfs's style ("0x1af4"), such as "vendor" and "device"; -1 when it cannot be read.
[[nodiscard]] int function_number(const SystemRoots& roots, std::string_view address, std::string_view file);

// Empty: no driver has it.
[[nodiscard]] std::string driver_of(const SystemRoots& roots, std::string_view address);
// True for vfio-pci and for its relatives of one vendor ("virtio_vfio_pci").
[[nodiscard]] bool is_vfio_driver(std::string_view driver) noexcept;

// -1: it is in none.
[[nodiscard]] int iommu_group_of(const SystemRoots& roots, std::string_view address);
// True for the group that vfio makes up for a function without an IOMMU in its no-IOMMU mode.
[[nodiscard]] bool is_noiommu_group(const SystemRoots& roots, std::string_view address);
// Whether vfio makes up groups for functions without an IOMMU: the switch that says so, and where it stands. absent:
// the kernel is built without that mode, or vfio is not loaded.
enum class NoIommuMode { absent, off, on };
[[nodiscard]] std::filesystem::path noiommu_parameter(const SystemRoots& roots);
[[nodiscard]] NoIommuMode noiommu_mode(const SystemRoots& roots);
// The other functions of its group, sorted.
[[nodiscard]] std::vector<std::string> group_neighbours(const SystemRoots& roots, std::string_view address);

// The network interface that the kernel's driver made of it ("eth0"); empty: none in this network namespace.
[[nodiscard]] std::string kernel_interface_of(const SystemRoots& roots, std::string_view address);
// The function behind a network interface; std::nullopt: no such interface, or none with a PCI function.
[[nodiscard]] std::optional<std::string> function_of_interface(const SystemRoots& roots, std::string_view interface);

}  // namespace vmq::vfio
