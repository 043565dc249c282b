// Where this process's memory lies physically.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "driver/support/memory.hpp"
#include "driver/vfio/system_roots.hpp"

namespace vmq::vfio {

// The physical address of the first byte of every page of `page` bytes, from /proc/self/pagemap. The pages must have
// been made; `memory` begins on one. Throws EPERM with the cure when the kernel hides them (it wants CAP_SYS_ADMIN),
// naming `object`.
[[nodiscard]] std::vector<std::uint64_t> physical_addresses(const SystemRoots& roots, const std::string& object,
                                                            std::span<const std::byte> memory, std::size_t page);

// Whether each page of `page` bytes lies right behind the one before.
[[nodiscard]] bool contiguous(std::span<const std::uint64_t> addresses, std::size_t page) noexcept;

// Pages that follow each other in physical memory, in that order, as indices.
using PageRun = std::vector<std::size_t>;

// Which of the pages hold what is needed, each block whole in one run: the shortest run that holds all, so that long
// ones stay whole; else the longest, and in the same way what is left. Empty: they do not hold it.
[[nodiscard]] std::vector<PageRun> find_runs(std::span<const std::uint64_t> addresses, std::size_t page,
                                             const support::MemoryNeed& need);

// Whether all these physical addresses are in huge pages, which the kernel neither swaps nor moves about of its own
// accord; from /proc/kpageflags.
[[nodiscard]] bool in_huge_pages(const SystemRoots& roots, std::span<const std::uint64_t> addresses);

}  // namespace vmq::vfio
