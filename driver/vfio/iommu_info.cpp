// What VFIO_IOMMU_GET_INFO says of a type 1 container, read from its capability chain.
#include "driver/vfio/iommu_info.hpp"

#include <cstring>
#include <linux/vfio.h>

namespace vmq::vfio {

namespace {

constexpr IovaRange lowest_39_bits{0, (std::uint64_t{1} << 39) - 1};

// Copies a structure out of the buffer; false when it is not wholly inside.
template <typename T>
bool take(std::span<const std::byte> bytes, std::size_t offset, T& out) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof out) return false;
    std::memcpy(&out, bytes.data() + offset, sizeof out);
    return true;
}

std::vector<IovaRange> take_ranges(std::span<const std::byte> bytes, std::size_t offset) {
    std::vector<IovaRange> ranges;
    vfio_iommu_type1_info_cap_iova_range capability{};
    if (!take(bytes, offset, capability)) return ranges;
    vfio_iova_range range{};
    for (std::uint32_t i = 0; i < capability.nr_iovas; ++i) {
        if (!take(bytes, offset + sizeof capability + i * sizeof range, range)) break;
        ranges.push_back({range.start, range.end});
    }
    return ranges;
}

}  // namespace

IommuInfo parse_iommu_info(std::span<const std::byte> bytes) {
    IommuInfo info;
    vfio_iommu_type1_info head{};
    take(bytes, 0, head);  // too short: all zero, as if the kernel had nothing to say
    if ((head.flags & VFIO_IOMMU_INFO_PGSIZES) != 0 && head.iova_pgsizes != 0) info.page_sizes = head.iova_pgsizes;

    std::size_t offset = (head.flags & VFIO_IOMMU_INFO_CAPS) != 0 ? head.cap_offset : 0;
    vfio_info_cap_header capability{};
    while (offset != 0 && take(bytes, offset, capability)) {
        vfio_iommu_type1_info_dma_avail left{};
        if (capability.id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
            info.usable = take_ranges(bytes, offset);
        } else if (capability.id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL && take(bytes, offset, left)) {
            info.mappings_left = left.avail;
        }
        if (capability.next <= offset) break;  // the kernel chains forwards only
        offset = capability.next;
    }
    if (info.usable.empty()) info.usable.push_back(lowest_39_bits);
    return info;
}

}  // namespace vmq::vfio
