// Strong types that keep bus addresses, virtqueue numbers and vector numbers apart.
#pragma once

#include <compare>
#include <cstdint>

namespace vmq::virtio {

// An address as the device sees it: behind an IOMMU an I/O virtual address, else a physical one.
struct Iova {
    std::uint64_t value = 0;
    [[nodiscard]] constexpr Iova operator+(std::uint64_t bytes) const noexcept { return {value + bytes}; }
    auto operator<=>(const Iova&) const = default;
};

struct QueueIndex {
    std::uint16_t value = 0;
    auto operator<=>(const QueueIndex&) const = default;
};

// An MSI-X table entry. `none` is the specification's VIRTIO_MSI_NO_VECTOR (1.3, 4.1.5.1.2).
struct VectorIndex {
    std::uint16_t value = 0xffff;
    [[nodiscard]] constexpr bool is_none() const noexcept { return value == 0xffff; }
    auto operator<=>(const VectorIndex&) const = default;
};
inline constexpr VectorIndex no_vector{};

}  // namespace vmq::virtio
