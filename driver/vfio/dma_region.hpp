// Memory for driver and device: allocated, put on a NUMA node, mapped for DMA, and given back in the opposite order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <system_error>

#include <vmq/options.hpp>

#include "driver/support/mapping.hpp"
#include "driver/vfio/container.hpp"

namespace vmq::vfio {

class DmaRegion {
public:
    // Zero-filled. Huge pages only for blocks that fill half of one: of 2 MiB from 1 MiB on, of 1 GiB from 512 MiB on.
    // Throws ENOMEM when memory may not be locked, or huge
    // pages are required and there are not enough.
    [[nodiscard]] static std::shared_ptr<const DmaRegion> create(const std::shared_ptr<Container>& container,
                                                                 std::size_t size, int numa_node, HugePages huge_pages);
    // Not mapped for DMA so far.
    DmaRegion(std::shared_ptr<Container> container, support::Mapping memory, bool huge_pages) noexcept;
    // Once; what the kernel refuses is returned.
    [[nodiscard]] std::error_code map(std::size_t alignment);
    ~DmaRegion();
    DmaRegion(const DmaRegion&) = delete;
    DmaRegion& operator=(const DmaRegion&) = delete;

    [[nodiscard]] std::byte* data() const noexcept { return memory_.data(); }
    [[nodiscard]] std::size_t size() const noexcept { return memory_.size(); }
    [[nodiscard]] std::uint64_t iova() const noexcept { return iova_; }
    [[nodiscard]] bool huge_pages() const noexcept { return huge_pages_; }

private:
    std::shared_ptr<Container> container_;
    support::Mapping memory_;
    std::uint64_t iova_ = 0;
    bool mapped_ = false;
    bool huge_pages_;
};

}  // namespace vmq::vfio
