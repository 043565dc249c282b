// Hands out I/O virtual addresses from what the IOMMU offers.
#include "driver/vfio/iova_allocator.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <iterator>
#include <limits>

namespace vmq::vfio {

namespace {

constexpr auto highest = std::numeric_limits<std::uint64_t>::max();

}  // namespace

IovaAllocator::IovaAllocator(std::span<const IovaRange> usable, std::uint64_t granule) : granule_(granule) {
    assert(std::has_single_bit(granule));
    for (IovaRange range : usable) {
        // Inwards to whole pages.
        if (range.first > highest - (granule - 1)) continue;
        range.first = (range.first + granule - 1) & ~(granule - 1);
        if (range.last != highest) {
            if (range.last + 1 < granule) continue;
            range.last = ((range.last + 1) & ~(granule - 1)) - 1;
        }
        if (range.first <= range.last) add(range);
    }
    cut({0, granule - 1});
    cut({msi_window.first & ~(granule - 1), msi_window.last | (granule - 1)});
}

std::optional<std::uint64_t> IovaAllocator::allocate(std::uint64_t size, std::uint64_t alignment) {
    assert(std::has_single_bit(alignment));
    if (size == 0 || size > highest - granule_) return std::nullopt;
    size = round_up(size);
    alignment = std::max(alignment, granule_);
    for (const auto& [first, last] : holes_) {
        if (first > highest - (alignment - 1)) continue;
        const std::uint64_t start = (first + alignment - 1) & ~(alignment - 1);
        if (start > last || last - start < size - 1) continue;
        cut({start, start + size - 1});  // ends the iteration: the hole is gone
        return start;
    }
    return std::nullopt;
}

void IovaAllocator::release(std::uint64_t iova, std::uint64_t size) { add({iova, iova + round_up(size) - 1}); }

std::uint64_t IovaAllocator::largest_hole() const noexcept {
    std::uint64_t largest = 0;
    for (const auto& [first, last] : holes_) largest = std::max(largest, last - first);
    return holes_.empty() || largest == highest ? largest : largest + 1;
}

std::uint64_t IovaAllocator::round_up(std::uint64_t size) const noexcept {
    return (size + granule_ - 1) & ~(granule_ - 1);
}

void IovaAllocator::add(IovaRange range) {
    // Takes in every hole that overlaps or touches the range.
    auto next = holes_.upper_bound(range.first);
    if (next != holes_.begin()) {
        const auto before = std::prev(next);
        if (before->second >= range.first || before->second + 1 == range.first) next = before;
    }
    while (next != holes_.end() && (range.last == highest || next->first <= range.last + 1)) {
        range.first = std::min(range.first, next->first);
        range.last = std::max(range.last, next->second);
        next = holes_.erase(next);
    }
    holes_.emplace(range.first, range.last);
}

void IovaAllocator::cut(IovaRange reserved) {
    auto hole = holes_.upper_bound(reserved.first);
    if (hole != holes_.begin() && std::prev(hole)->second >= reserved.first) --hole;
    while (hole != holes_.end() && hole->first <= reserved.last) {
        const auto [first, last] = *hole;
        hole = holes_.erase(hole);
        if (first < reserved.first) holes_.emplace(first, reserved.first - 1);
        if (last > reserved.last) holes_.emplace(reserved.last + 1, last);
    }
}

}  // namespace vmq::vfio
