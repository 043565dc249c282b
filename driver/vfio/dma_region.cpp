// Memory for driver and device: allocated, put on a NUMA node, mapped for DMA, and given back in the opposite order.
#include "driver/vfio/dma_region.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <fstream>
#include <linux/mempolicy.h>
#include <linux/mman.h>
#include <string>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include "driver/support/errors.hpp"
#include "driver/vfio/locked_memory.hpp"

namespace vmq::vfio {

namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20;
constexpr std::size_t smallest_for_huge_pages = huge_page / 2;

std::size_t round_up(std::size_t size, std::size_t unit) { return (size + unit - 1) / unit * unit; }

// A wish: a machine without NUMA, or a sandbox that forbids the call, gets memory from anywhere.
void prefer_node(const support::Mapping& memory, int node) {
    constexpr int bits = sizeof(unsigned long) * CHAR_BIT;
    std::array<unsigned long, 16> mask{};
    if (node < 0 || node >= bits * static_cast<int>(mask.size())) return;
    mask[static_cast<std::size_t>(node / bits)] = 1UL << (node % bits);
    // The kernel takes one bit less than it is told.
    ::syscall(SYS_mbind, memory.data(), memory.size(), MPOL_PREFERRED, mask.data(), mask.size() * bits + 1, 0);
}

// Anonymous memory that a forked child does not get: copy-on-write would move the parent's pages away from the
// device's.
support::Mapping map_memory(std::size_t size, int node, int flags) {
    void* const address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    if (address == MAP_FAILED) return {};
    support::Mapping memory{address, size};
    ::madvise(address, size, MADV_DONTFORK);
    prefer_node(memory, node);
    return memory;
}

[[noreturn]] void fail_huge(const std::string& object, std::size_t size) {
    std::string free = "0";
    std::getline(std::ifstream{"/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"}, free);
    const std::string pages = std::to_string(size / huge_page);
    support::fail(
        std::make_error_code(std::errc::not_enough_memory), object + ": huge pages required",
        "needs " + pages + " more of 2 MiB, " + free + " are free; add some with: sysctl -w vm.nr_hugepages=N");
}

[[noreturn]] void fail_map(const Container& container, std::size_t size, std::error_code code) {
    std::string cure;
    LockedMemory locked = locked_memory();
    locked.exempt = false;  // VFIO does not honour the CAP_IPC_LOCK of a user namespace
    if (code == std::errc::not_enough_memory && !locked.allows(size)) cure = locked_memory_cure(locked, size);
    if (code == std::errc::no_space_on_device)
        cure = "all " + std::to_string(container.mapping_limit()) +
               " mappings are taken; raise dma_entry_limit in /sys/module/vfio_iommu_type1/parameters";
    support::fail(code, container.object() + ": VFIO_IOMMU_MAP_DMA of " + std::to_string(size) + " bytes", cure);
}

// Null when there are no huge pages, or they are only preferred and cannot be used for this.
std::shared_ptr<const DmaRegion> create_huge(const std::shared_ptr<Container>& container, std::size_t size, int node,
                                             bool required) {
    const std::size_t whole = round_up(size, huge_page);
    if (!required && !locked_memory().allows(whole)) return nullptr;  // the rounding up may be what is too much
    check_locked_memory(container->object(), whole);
    auto memory = map_memory(whole, node, MAP_HUGETLB | MAP_HUGE_2MB);
    if (memory.data() == nullptr) {
        if (required) fail_huge(container->object(), whole);
        return nullptr;
    }
    const Mapped mapped = container->map(memory.data(), whole, huge_page);
    if (mapped.failure) {
        if (required) fail_map(*container, whole, mapped.failure);
        return nullptr;
    }
    return std::make_shared<const DmaRegion>(container, std::move(memory), mapped.iova, true);
}

std::shared_ptr<const DmaRegion> create_normal(const std::shared_ptr<Container>& container, std::size_t size,
                                               int node) {
    const std::string& object = container->object();
    const std::size_t page = container->page_size();
    const std::size_t whole = round_up(size, page);
    check_locked_memory(object, whole);
    auto memory = map_memory(whole, node, 0);
    if (memory.data() == nullptr)
        support::fail_errno(object + ": mmap of " + std::to_string(whole) + " bytes of DMA memory");
    const Mapped mapped = container->map(memory.data(), whole, whole >= huge_page ? huge_page : page);
    if (mapped.failure) fail_map(*container, whole, mapped.failure);
    return std::make_shared<const DmaRegion>(container, std::move(memory), mapped.iova, false);
}

}  // namespace

std::shared_ptr<const DmaRegion> DmaRegion::create(const std::shared_ptr<Container>& container, std::size_t size,
                                                   int numa_node, HugePages huge_pages) {
    if (size == 0 || size > SIZE_MAX / 2)
        support::fail(std::make_error_code(std::errc::invalid_argument),
                      container->object() + ": " + std::to_string(size) + " bytes of DMA memory");
    if (huge_pages != HugePages::never && size >= smallest_for_huge_pages)
        if (auto region = create_huge(container, size, numa_node, huge_pages == HugePages::required)) return region;
    return create_normal(container, size, numa_node);
}

DmaRegion::DmaRegion(std::shared_ptr<Container> container, support::Mapping memory, std::uint64_t iova,
                     bool huge_pages) noexcept
    : container_(std::move(container)), memory_(std::move(memory)), iova_(iova), huge_pages_(huge_pages) {}

DmaRegion::~DmaRegion() { container_->unmap(iova_, memory_.size()); }

}  // namespace vmq::vfio
