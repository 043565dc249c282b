// The memory that driver and backend share.
#include "driver/vhost/memory.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <utility>

#include "driver/support/errors.hpp"
#include "driver/support/memory.hpp"

namespace vmq::vhost {

namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t huge_page = std::size_t{2} << 20;

std::size_t round_up(std::size_t size, std::size_t unit) { return (size + unit - 1) / unit * unit; }

}  // namespace

SharedMemory::SharedMemory(std::string name, HugePages huge_pages) : name_(std::move(name)), huge_pages_(huge_pages) {}

void SharedMemory::expect(std::span<const support::MemoryNeed> needs) noexcept {
    expected_ = 0;
    for (const auto& need : needs) expected_ += round_up(need.bytes(), page);
}

virtio::DmaBlock SharedMemory::allocate(std::size_t size, int numa_node, std::size_t most_regions) {
    if (size == 0 || size > SIZE_MAX / 2)
        support::fail({EINVAL, std::generic_category()}, name_ + ": " + std::to_string(size) + " bytes of memory");
    const std::size_t whole = round_up(size, page);
    if (regions_.empty() || regions_.back()->mapping.size() - regions_.back()->used < whole)
        add_region(whole, most_regions);
    Region& region = *regions_.back();
    const std::span<std::byte> bytes = region.mapping.bytes().subspan(region.used, whole);
    support::prefer_node(bytes, numa_node);
    if (!support::populate(bytes)) support::fail_errno(name_ + ": " + std::to_string(whole) + " bytes of memory");
    region.used += whole;
    return {.data = bytes.data(),
            .size = bytes.size(),
            .iova = {reinterpret_cast<std::uintptr_t>(bytes.data())},
            .huge_pages = region.huge_pages,
            .owner = regions_.back()};
}

void SharedMemory::add_region(std::size_t size, std::size_t most_regions) {
    if (regions_.size() >= most_regions) {
        support::fail({ENOSPC, std::generic_category()},
                      name_ + ": the backend takes " + std::to_string(most_regions) + " memory regions and has them",
                      "open the device with more queue pairs than it has now, so that their memory is one region");
    }
    std::size_t total = 0;
    for (const auto& region : regions_) total += region->mapping.size();
    const std::size_t whole = round_up(std::max({size, total, regions_.empty() ? expected_ : 0}), huge_page);
    std::shared_ptr<Region> region;
    if (huge_pages_ != HugePages::never) region = make_region(whole, true);
    if (!region && huge_pages_ == HugePages::required) {
        support::fail({ENOMEM, std::generic_category()}, name_ + ": huge pages required",
                      "needs " + std::to_string(whole / huge_page) +
                          " free ones of 2 MiB; add some with: sysctl -w vm.nr_hugepages=N");
    }
    if (!region) region = make_region(whole, false);
    if (!region) support::fail_errno(name_ + ": " + std::to_string(whole) + " bytes of shared memory");
    regions_.push_back(std::move(region));
}

// Nothing, and errno, when it cannot be had.
std::shared_ptr<SharedMemory::Region> SharedMemory::make_region(std::size_t size, bool huge_pages) const {
    auto region = std::make_shared<Region>();
    region->huge_pages = huge_pages;
    const unsigned kind = huge_pages ? MFD_HUGETLB | MFD_HUGE_2MB : 0;
    region->file.reset(::memfd_create("vmq", MFD_CLOEXEC | MFD_ALLOW_SEALING | kind));
    if (!region->file || ::ftruncate(region->file.get(), static_cast<off_t>(size)) != 0) return nullptr;
    // The backend has the file too. It must not be able to take the pages away from under us.
    if (::fcntl(region->file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) return nullptr;
    void* const address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, region->file.get(), 0);
    if (address == MAP_FAILED) return nullptr;
    region->mapping = {address, size};
    ::madvise(address, size, MADV_DONTFORK);
    return region;
}

std::vector<SharedRegion> SharedMemory::regions() const {
    std::vector<SharedRegion> regions;
    for (const auto& region : regions_) {
        const auto address = reinterpret_cast<std::uintptr_t>(region->mapping.data());
        regions.push_back(
            {region->file.get(),
             {.guest_address = address, .size = region->mapping.size(), .user_address = address, .mmap_offset = 0}});
    }
    return regions;
}

}  // namespace vmq::vhost
