// The huge pages that an administrator has set aside: sizes, how many are to be had, and how to get more.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "driver/vfio/system_roots.hpp"

namespace vmq::vfio {

inline constexpr std::size_t huge_2m = std::size_t{2} << 20;
inline constexpr std::size_t huge_1g = std::size_t{1} << 30;

// The smallest block that is worth a page of that size: it fills half of it.
[[nodiscard]] constexpr bool worth_huge_page(std::size_t size, std::size_t page) noexcept { return size >= page / 2; }

[[nodiscard]] constexpr std::size_t whole_pages(std::size_t size, std::size_t page) noexcept {
    return (size + page - 1) / page * page;
}

// In which order to try the sizes for a block that must be in huge pages.
[[nodiscard]] constexpr std::array<std::size_t, 2> page_sizes_for(std::size_t size) noexcept {
    if (worth_huge_page(size, huge_1g)) return {huge_1g, huge_2m};
    return {huge_2m, huge_1g};
}

// How many pages of a size can be had: free and promised to nobody, or made on demand (nr_overcommit_hugepages).
[[nodiscard]] std::uint64_t available_huge_pages(const SystemRoots& roots, std::size_t page);

// mmap's and memfd_create's flag for a size.
[[nodiscard]] unsigned huge_page_flag(std::size_t page) noexcept;

// "4 huge pages of 2 MiB are needed, 1 can be had: reserve them with sysctl -w vm.nr_hugepages=4"
[[nodiscard]] std::string huge_page_cure(const SystemRoots& roots, std::size_t page, std::uint64_t needed);

}  // namespace vmq::vfio
