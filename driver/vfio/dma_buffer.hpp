// Memory that driver and device share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace vmq::vfio {

// `owner` keeps it mapped for both; drop it only when the device is reset.
struct DmaBuffer {
    std::byte* data = nullptr;
    std::size_t size = 0;
    std::uint64_t iova = 0;  // where the device finds it: an I/O virtual address, or the physical one
    bool huge_pages = false;
    std::shared_ptr<const void> owner;

    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {data, size}; }
};

}  // namespace vmq::vfio
