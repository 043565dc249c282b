// Hands out I/O virtual addresses from what the IOMMU offers. Pure: it maps nothing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>

namespace vmq::vfio {

struct IovaRange {
    std::uint64_t first = 0;
    std::uint64_t last = 0;  // inclusive, so that the whole 64-bit space can be said
    auto operator<=>(const IovaRange&) const = default;
};

// x86 interrupt messages: a write there raises an interrupt instead of reaching memory, also where the kernel does not
// list it as reserved.
inline constexpr IovaRange msi_window{0xfee00000, 0xfeefffff};

class IovaAllocator {
public:
    IovaAllocator() = default;
    // `granule`: the IOMMU's smallest page, a power of two. Page 0 is never handed out, so that no valid address reads
    // as "none"; nor is the MSI window.
    IovaAllocator(std::span<const IovaRange> usable, std::uint64_t granule);

    // The lowest free address with room for `size` bytes (rounded up to the granule), aligned to a power of two.
    // std::nullopt: no hole is large enough.
    [[nodiscard]] std::optional<std::uint64_t> allocate(std::uint64_t size, std::uint64_t alignment);
    // Gives back exactly what allocate returned, with the same size.
    void release(std::uint64_t iova, std::uint64_t size);

    [[nodiscard]] std::uint64_t granule() const noexcept { return granule_; }
    // Bytes of the largest hole, for messages.
    [[nodiscard]] std::uint64_t largest_hole() const noexcept;

private:
    [[nodiscard]] std::uint64_t round_up(std::uint64_t size) const noexcept;
    void add(IovaRange range);
    void cut(IovaRange reserved);

    std::uint64_t granule_ = 4096;
    std::map<std::uint64_t, std::uint64_t> holes_;  // first -> last; disjoint and never adjacent
};

}  // namespace vmq::vfio
