// Blocks carved from runs of huge pages, so that rings of some kilobytes do not take a huge page each.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "driver/support/memory.hpp"
#include "driver/vfio/dma_buffer.hpp"

namespace vmq::vfio {

class PhysicalArena {
public:
    // Gives runs that hold what is needed, all as far apart for the driver as for the device; the owner of each is
    // dropped with the last block in it.
    using TakeRuns = std::function<std::vector<DmaBuffer>(const support::MemoryNeed& need)>;

    explicit PhysicalArena(TakeRuns take_runs) : take_runs_(std::move(take_runs)) {}

    // Page-aligned, in one piece from a run of that node (of any, for -1) that has room, else from new runs. Not
    // zeroed. Throws what TakeRuns throws. One thread at a time; what it gave may be dropped by any thread.
    [[nodiscard]] std::vector<DmaBuffer> allocate(const support::MemoryNeed& need);

private:
    class Chunk;

    TakeRuns take_runs_;
    std::vector<std::weak_ptr<Chunk>> chunks_;
};

}  // namespace vmq::vfio
