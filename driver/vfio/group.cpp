// A VFIO group: the functions that the IOMMU cannot tell apart, opened by one process at a time.
#include "driver/vfio/group.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <grp.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <utility>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "driver/vfio/group_holder.hpp"
#include "driver/vfio/pci_function.hpp"

namespace vmq::vfio {

namespace {

constexpr int above_other_files = 512;

std::string group_path(int number, bool no_iommu) {
    return (no_iommu ? "/dev/vfio/noiommu-" : "/dev/vfio/") + std::to_string(number);
}

// The Unix group that may open the file; empty when it is root's.
std::string owning_group(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || status.st_gid == 0 || (status.st_mode & S_IRGRP) == 0) return {};
    std::array<char, 1024> text{};
    group entry{};
    group* found = nullptr;
    ::getgrgid_r(status.st_gid, &entry, text.data(), text.size(), &found);
    return found != nullptr ? found->gr_name : std::to_string(status.st_gid);
}

std::string permission_cure(const std::string& path) {
    const std::string members = owning_group(path);
    if (!members.empty()) return "run as root or as a member of the group " + members;
    return "run as root, or hand it over as root with: chown USER " + path;
}

[[noreturn]] void fail_open(const std::string& address, const std::string& path, int number, int error) {
    const std::string operation = address + ": open " + path;
    if (error == EBUSY) support::fail(Errc::busy, operation, busy_cure(holder_of_group({}, number)));
    const std::error_code code{error, std::generic_category()};
    if (error == EPERM) support::fail(code, operation, "run as root; CAP_SYS_RAWIO is needed without an IOMMU");
    if (error == EACCES) support::fail(code, operation, permission_cure(path));
    support::fail(code, operation, error == ENOENT ? "is /dev of this system's kernel, or a container's own?" : "");
}

}  // namespace

void require_group(const SystemRoots& roots, const std::string& address) {
    if (iommu_group_of(roots, address) >= 0) return;
    const NoIommuMode mode = noiommu_mode(roots);
    if (mode == NoIommuMode::on) return;
    std::string cure = "boot with intel_iommu=on or amd_iommu=on; in a virtual machine, give it a virtual IOMMU first";
    if (mode == NoIommuMode::off)
        cure += "; or let nothing protect this machine's memory from the device: echo Y > " +
                noiommu_parameter(roots).string();
    support::fail(Errc::unsupported, address + ": no IOMMU group", cure);
}

int usable_group(const SystemRoots& roots, const std::string& address, bool no_iommu) {
    if (!function_exists(roots, address))
        support::fail(Errc::no_such_device, address, "mqctl list shows what there is");
    require_group(roots, address);
    const std::string driver = driver_of(roots, address);
    const std::string cure = "run: mqctl bind " + address;
    if (driver.empty())
        support::fail(std::make_error_code(std::errc::no_such_device), address + ": bound to no driver", cure);
    if (!is_vfio_driver(driver))
        support::fail(std::make_error_code(std::errc::device_or_resource_busy),
                      address + ": bound to " + driver + ", not to vfio-pci", cure);
    if (is_noiommu_group(roots, address) && !no_iommu)
        support::fail(Errc::unsupported,
                      address + ": vfio's no-IOMMU mode, in which nothing protects memory from the device",
                      "give the machine a (virtual) IOMMU, or accept that with Options::no_iommu (--no-iommu)");
    return iommu_group_of(roots, address);
}

Group::Group(const std::string& address, int number, bool no_iommu)
    : address_(address),
      path_(group_path(number, no_iommu)),
      no_iommu_(no_iommu),
      fd_(::open(path_.c_str(), O_RDWR | O_CLOEXEC)) {
    if (!fd_) fail_open(address, path_, number, errno);
    vfio_group_status status{};
    status.argsz = sizeof status;
    if (::ioctl(fd_.get(), VFIO_GROUP_GET_STATUS, &status) != 0)
        support::fail_errno(address + ": VFIO_GROUP_GET_STATUS " + path_);
    if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0)
        support::fail(std::make_error_code(std::errc::device_or_resource_busy),
                      address + ": IOMMU group " + std::to_string(number) + " is not viable",
                      "bind these to vfio-pci too, or to no driver: " + unviable_neighbours({}, address));
}

support::UniqueFd Group::open_device() const {
    support::UniqueFd device{::ioctl(fd_.get(), VFIO_GROUP_GET_DEVICE_FD, address_.c_str())};
    if (!device) support::fail_errno("VFIO_GROUP_GET_DEVICE_FD " + address_);
    if (!no_iommu_) return device;
    support::UniqueFd high{::fcntl(device.get(), F_DUPFD_CLOEXEC, above_other_files)};
    return high ? std::move(high) : std::move(device);  // a process that may have few files has few below it
}

std::string unviable_neighbours(const SystemRoots& roots, const std::string& address) {
    std::string list;
    for (const auto& neighbour : group_neighbours(roots, address)) {
        const std::string driver = driver_of(roots, neighbour);
        if (driver.empty() || is_vfio_driver(driver) || driver == "pci-stub" || driver == "pcieport") continue;
        list.append(list.empty() ? "" : ", ").append(neighbour).append(" (").append(driver).append(")");
    }
    return list;
}

}  // namespace vmq::vfio
