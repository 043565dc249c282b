// Blocks carved from runs of huge pages, so that rings of some kilobytes do not take a huge page each.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "driver/vfio/dma_buffer.hpp"

namespace vmq::vfio {

class PhysicalArena {
public:
    // Gives a run of at least `size` bytes on a NUMA node; its owner is dropped with the last block in it.
    using TakeRun = std::function<DmaBuffer(std::size_t size, int numa_node)>;

    explicit PhysicalArena(TakeRun take_run) : take_run_(std::move(take_run)) {}

    // Page-aligned, from a run of that node (of any, for -1) that has room, else from a new one. Not zeroed. Throws
    // what TakeRun throws. One thread at a time; blocks may be dropped by any thread.
    [[nodiscard]] DmaBuffer allocate(std::size_t size, int numa_node);

private:
    class Chunk;

    TakeRun take_run_;
    std::vector<std::weak_ptr<Chunk>> chunks_;
};

}  // namespace vmq::vfio
