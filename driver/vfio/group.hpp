// A VFIO group: the functions that the IOMMU cannot tell apart, opened by one process at a time.
#pragma once

#include <string>

#include "driver/support/unique_fd.hpp"
#include "driver/vfio/system_roots.hpp"

namespace vmq::vfio {

// Throws Errc::unsupported with the cure when a function is in no IOMMU group and would not get one of vfio's no-IOMMU
// mode when it is bound.
void require_group(const SystemRoots& roots, const std::string& address);

// Looks at sysfs before anything is opened: that the function exists, is bound to vfio-pci, and has an IOMMU group, one
// of vfio's no-IOMMU mode only if that is allowed. Returns the group's number; throws what is in the way, with the
// cure.
[[nodiscard]] int usable_group(const SystemRoots& roots, const std::string& address, bool no_iommu);

// The open group of a function; throws Errc::busy naming the holder, EACCES, or the neighbour that makes it unviable.
class Group {
public:
    Group(const std::string& address, int number, bool no_iommu);

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    // Only after the group was attached to a container. Without an IOMMU the descriptor has a high number: of a process
    // that dies the kernel releases the files from the highest number down, and the device must be off before the pages
    // that it writes to are given to somebody else.
    [[nodiscard]] support::UniqueFd open_device() const;

private:
    std::string address_;
    std::string path_;
    bool no_iommu_;
    support::UniqueFd fd_;
};

// The members of a function's group that keep user space out, with their drivers: "0000:00:05.0 (e1000e)". Bridges and
// functions without a driver are harmless.
[[nodiscard]] std::string unviable_neighbours(const SystemRoots& roots, const std::string& address);

}  // namespace vmq::vfio
