// Memory that a device without an IOMMU finds where it lies, for good.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "driver/support/mapping.hpp"
#include "driver/support/memory.hpp"
#include "driver/support/unique_fd.hpp"
#include "driver/vfio/system_roots.hpp"

namespace vmq::vfio {

// Huge pages that follow each other in physical memory.
struct PhysicalRun {
    std::span<std::byte> memory;
    std::uint64_t address = 0;  // of the first byte
};

// The kernel neither swaps huge pages nor moves them about of its own accord; pages of the ordinary size it moves even
// when they are locked (compaction, NUMA balancing), so none are used without an IOMMU that would have them pinned.
struct PhysicalRuns {
    // Open for as long as the pages are in use: a process that is killed loses its mappings before its files, and the
    // device must be off before anybody else gets the pages (see Group::open_device).
    support::UniqueFd file;
    // The runs, and what nobody may touch between them: they lie as far apart for the driver as for the device.
    support::Mapping window;
    std::vector<PhysicalRun> runs;

    // Throws EFAULT when a page lies elsewhere than it did.
    void verify(const SystemRoots& roots, const std::string& object) const;
};

// Runs that hold what is needed, each block whole in one of them, in as few as there are; zero-filled, where possible
// on the node. Throws ENOMEM when there are too few huge pages or none that follow each other as a block wants it,
// EPERM when the kernel hides physical addresses; both with the cure and naming `object`.
[[nodiscard]] PhysicalRuns map_physical_runs(const SystemRoots& roots, const std::string& object,
                                             const support::MemoryNeed& need);

}  // namespace vmq::vfio
