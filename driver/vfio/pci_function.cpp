// What sysfs tells of PCI functions.
#include "driver/vfio/pci_function.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>

#include "driver/support/errors.hpp"
#include "driver/vfio/pci_address.hpp"

namespace vmq::vfio {

namespace fs = std::filesystem;

namespace {

std::string first_line(const fs::path& file) {
    std::string line;
    std::ifstream stream{file};
    std::getline(stream, line);
    return line;
}

// The last component of where a symbolic link points; empty when there is no link.
std::string link_name(const fs::path& link) {
    std::error_code failure;
    const fs::path target = fs::read_symlink(link, failure);
    return failure ? std::string{} : target.filename().string();
}

// Names in a folder, sorted; empty when it cannot be read.
std::vector<std::string> names_in(const fs::path& folder, std::error_code& failure) {
    std::vector<std::string> names;
    for (fs::directory_iterator entry{folder, failure}, end; !failure && entry != end; entry.increment(failure))
        names.push_back(entry->path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<std::string> names_in(const fs::path& folder) {
    std::error_code failure;
    return names_in(folder, failure);
}

}  // namespace

fs::path function_path(const SystemRoots& roots, std::string_view address) {
    return roots.sys / "bus/pci/devices" / address;
}

bool function_exists(const SystemRoots& roots, std::string_view address) {
    std::error_code failure;
    return fs::exists(function_path(roots, address), failure);
}

std::vector<std::string> all_functions(const SystemRoots& roots) {
    const fs::path folder = roots.sys / "bus/pci/devices";
    std::error_code failure;
    auto names = names_in(folder, failure);
    if (failure) support::fail(failure, "read " + folder.string(), "is sysfs mounted, and has this machine PCI?");
    return names;
}

int function_number(const SystemRoots& roots, std::string_view address, std::string_view file) {
    const std::string text = first_line(function_path(roots, address) / file);
    if (!text.starts_with("0x")) return -1;
    int number = -1;
    std::from_chars(text.data() + 2, text.data() + text.size(), number, 16);
    return number;
}

std::string driver_of(const SystemRoots& roots, std::string_view address) {
    return link_name(function_path(roots, address) / "driver");
}

bool is_vfio_driver(std::string_view driver) noexcept {
    return driver == "vfio-pci" || driver.ends_with("_vfio_pci") || driver.ends_with("-vfio-pci");
}

int iommu_group_of(const SystemRoots& roots, std::string_view address) {
    const std::string name = link_name(function_path(roots, address) / "iommu_group");
    int number = -1;
    std::from_chars(name.data(), name.data() + name.size(), number);
    return number;
}

bool is_noiommu_group(const SystemRoots& roots, std::string_view address) {
    return first_line(function_path(roots, address) / "iommu_group/name") == "vfio-noiommu";
}

fs::path noiommu_parameter(const SystemRoots& roots) {
    return roots.sys / "module/vfio/parameters/enable_unsafe_noiommu_mode";
}

NoIommuMode noiommu_mode(const SystemRoots& roots) {
    const std::string setting = first_line(noiommu_parameter(roots));
    if (setting.empty()) return NoIommuMode::absent;
    return setting == "Y" ? NoIommuMode::on : NoIommuMode::off;
}

std::vector<std::string> group_neighbours(const SystemRoots& roots, std::string_view address) {
    auto names = names_in(function_path(roots, address) / "iommu_group/devices");
    std::erase(names, address);
    return names;
}

std::string kernel_interface_of(const SystemRoots& roots, std::string_view address) {
    // The interface hangs on the function itself or on a device that its driver made ("virtio0"). Links lead to other
    // devices ("physfn").
    const fs::path function = function_path(roots, address);
    if (const auto own = names_in(function / "net"); !own.empty()) return own.front();
    for (const auto& child : names_in(function)) {
        std::error_code failure;
        if (fs::is_symlink(function / child, failure)) continue;
        if (const auto below = names_in(function / child / "net"); !below.empty()) return below.front();
    }
    return {};
}

std::optional<std::string> function_of_interface(const SystemRoots& roots, std::string_view interface) {
    if (interface.empty() || interface.find('/') != std::string_view::npos || interface.starts_with('.'))
        return std::nullopt;
    std::error_code failure;
    fs::path device = fs::canonical(roots.sys / "class/net" / interface / "device", failure);
    if (failure) return std::nullopt;
    // Upwards from "…/0000:00:04.0/virtio0" to the first PCI function.
    for (; device.has_relative_path(); device = device.parent_path())
        if (auto address = parse_pci_address(device.filename().string())) return address;
    return std::nullopt;
}

}  // namespace vmq::vfio
