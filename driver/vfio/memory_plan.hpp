// What allocating blocks is going to take, computed before the first byte is locked. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <vmq/options.hpp>

#include "driver/support/memory.hpp"

namespace vmq::vfio {

// Huge pages that can be had.
struct HugePageStock {
    std::uint64_t of_2m = 0;
    std::uint64_t of_1g = 0;
};

struct MemoryPlan {
    std::uint64_t locked = 0;    // bytes, at least
    std::uint64_t mappings = 0;  // of the container
    std::uint64_t of_2m = 0;     // huge pages of 2 MiB it cannot do without
    bool enough = true;          // they are in the stock
};

// With I/O virtual addresses: every block is a mapping of its own, in pages of `page` bytes or in huge pages.
[[nodiscard]] MemoryPlan plan_mapped(std::span<const support::MemoryNeed> needs, HugePages huge_pages, std::size_t page,
                                     HugePageStock stock);
// With physical addresses: blocks share runs of huge pages. At least: blocks that may lie apart can take more mappings,
// and some more pages.
[[nodiscard]] MemoryPlan plan_physical(std::span<const support::MemoryNeed> needs, HugePageStock stock);

}  // namespace vmq::vfio
