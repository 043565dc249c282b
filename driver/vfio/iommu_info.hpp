// What VFIO_IOMMU_GET_INFO says of a type 1 container, read from its capability chain. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "driver/vfio/iova_allocator.hpp"

namespace vmq::vfio {

struct IommuInfo {
    std::vector<IovaRange> usable;               // addresses that may be mapped
    std::uint64_t page_sizes = 4096;             // one bit each
    std::optional<std::uint32_t> mappings_left;  // how many more mappings the container takes, where the kernel tells

    [[nodiscard]] std::uint64_t smallest_page() const noexcept { return page_sizes & (~page_sizes + 1); }
};

// `bytes` is the structure as the kernel filled it, capabilities behind it. A chain that leaves the buffer or runs in
// circles ends there. A kernel that lists no ranges gets the 39 bits that every IOMMU has.
[[nodiscard]] IommuInfo parse_iommu_info(std::span<const std::byte> bytes);

}  // namespace vmq::vfio
