// Where this process's memory lies physically.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "driver/vfio/system_roots.hpp"

namespace vmq::vfio {

// The physical address of the first byte of every page of `page` bytes, from /proc/self/pagemap. The pages must have
// been made; `memory` begins on one. Throws EPERM with the cure when the kernel hides them (it wants CAP_SYS_ADMIN),
// naming `object`.
[[nodiscard]] std::vector<std::uint64_t> physical_addresses(const SystemRoots& roots, const std::string& object,
                                                            std::span<const std::byte> memory, std::size_t page);

// Whether each page of `page` bytes lies right behind the one before.
[[nodiscard]] bool contiguous(std::span<const std::uint64_t> addresses, std::size_t page) noexcept;

// Which `count` pages follow each other in physical memory, in that order, as indices into `addresses`; empty: none do.
// Of several runs the shortest that suffices, so that long ones stay whole.
[[nodiscard]] std::vector<std::size_t> find_run(std::span<const std::uint64_t> addresses, std::size_t page,
                                                std::size_t count);

// Whether all these physical addresses are in huge pages, which the kernel neither swaps nor moves about of its own
// accord; from /proc/kpageflags.
[[nodiscard]] bool in_huge_pages(const SystemRoots& roots, std::span<const std::uint64_t> addresses);

}  // namespace vmq::vfio
