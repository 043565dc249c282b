// Fresh memory: what of it is going to be asked for, where it is put, and when its pages are made.
#pragma once

#include <cstddef>
#include <span>

namespace vmq::support {

// One block that will be allocated, or several of one size together, which may lie apart.
struct MemoryNeed {
    std::size_t size = 0;  // of each
    int numa_node = -1;    // -1: anywhere
    std::size_t count = 1;

    [[nodiscard]] std::size_t bytes() const noexcept { return size * count; }
};

// Prefers a NUMA node for the pages that are not made yet. A wish: a machine without NUMA, or a sandbox that forbids
// the call, gets memory from anywhere. -1: anywhere.
void prefer_node(std::span<std::byte> memory, int node) noexcept;

// Makes the pages now, where a lack of memory is an error and not the end of the process. False, and errno, when they
// cannot be had.
[[nodiscard]] bool populate(std::span<std::byte> memory) noexcept;

}  // namespace vmq::support
