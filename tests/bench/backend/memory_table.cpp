// Mapping of the frontend's memory regions.
#include "tests/bench/backend/memory_table.hpp"

#include <string>
#include <sys/mman.h>

#include "driver/support/errors.hpp"

namespace vmq::bench {

void MemoryTable::add(const MemoryRegion& region, const support::UniqueFd& fd) {
    const std::size_t size = region.mmap_offset + region.size;  // from 0: the offset need not be that of a page
    void* const address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (address == MAP_FAILED) support::fail_errno("mmap of a memory region of " + std::to_string(size) + " bytes");
    regions_.push_back({region, support::Mapping{address, size}});
}

void MemoryTable::remove(const MemoryRegion& region) {
    std::erase_if(regions_, [&](const Mapped& mapped) {
        return mapped.region.guest_address == region.guest_address &&
               mapped.region.user_address == region.user_address && mapped.region.size == region.size;
    });
}

AddressMap MemoryTable::by_guest_address() const {
    std::vector<AddressRange> ranges;
    for (const auto& [region, mapping] : regions_)
        ranges.push_back({region.guest_address, region.size, mapping.data() + region.mmap_offset});
    return AddressMap{std::move(ranges)};
}

AddressMap MemoryTable::by_user_address() const {
    std::vector<AddressRange> ranges;
    for (const auto& [region, mapping] : regions_)
        ranges.push_back({region.user_address, region.size, mapping.data() + region.mmap_offset});
    return AddressMap{std::move(ranges)};
}

}  // namespace vmq::bench
