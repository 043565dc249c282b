// Memory that is one piece for the processor, for a device without an IOMMU, and for good.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "driver/support/mapping.hpp"
#include "driver/support/unique_fd.hpp"
#include "driver/vfio/system_roots.hpp"

namespace vmq::vfio {

// Huge pages that follow each other in physical memory. The kernel neither swaps such pages nor moves them about of its
// own accord; pages of the ordinary size it moves even when they are locked (compaction, NUMA balancing), so none are
// used without an IOMMU that would have them pinned.
struct PhysicalRun {
    // Open for as long as the pages are in use: a process that is killed loses its mappings before its files, and the
    // device must be off before anybody else gets the pages (see Group::open_device).
    support::UniqueFd file;
    support::Mapping memory;
    std::uint64_t address = 0;  // of the first byte

    // Throws EFAULT when a page lies elsewhere than it did.
    void verify(const SystemRoots& roots, const std::string& object) const;
};

// At least `size` bytes, zero-filled, where possible on `numa_node`. Throws ENOMEM when there are too few huge pages or
// no such run of them, EPERM when the kernel hides physical addresses; both with the cure and naming `object`.
[[nodiscard]] PhysicalRun map_physical_run(const SystemRoots& roots, const std::string& object, std::size_t size,
                                           int numa_node);

}  // namespace vmq::vfio
