// Memory for driver and device: allocated, put on a NUMA node, mapped for DMA, and given back in the opposite order.
#include "driver/vfio/dma_region.hpp"

#include <string>
#include <sys/mman.h>
#include <utility>

#include "driver/support/errors.hpp"
#include "driver/support/memory.hpp"
#include "driver/vfio/huge_pages.hpp"
#include "driver/vfio/locked_memory.hpp"

namespace vmq::vfio {

namespace {

// Anonymous memory that a forked child does not get: copy-on-write would move the parent's pages away from the
// device's.
support::Mapping map_memory(std::size_t size, int node, int flags) {
    void* const address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    if (address == MAP_FAILED) return {};
    support::Mapping memory{address, size};
    ::madvise(address, size, MADV_DONTFORK);
    support::prefer_node(memory.bytes(), node);
    return memory;
}

// Null when there are no huge pages of that size, or they are only preferred and cannot be used for this.
std::shared_ptr<const DmaRegion> create_huge(const std::shared_ptr<Container>& container, std::size_t size, int node,
                                             std::size_t page, bool required) {
    const std::size_t whole = whole_pages(size, page);
    if (!required && !locked_memory().allows(whole)) return nullptr;  // the rounding up may be what is too much
    check_locked_memory(container->object(), whole);
    auto memory = map_memory(whole, node, MAP_HUGETLB | static_cast<int>(huge_page_flag(page)));
    if (memory.data() == nullptr) return nullptr;
    const auto region = std::make_shared<DmaRegion>(container, std::move(memory), true);
    if (const std::error_code failure = region->map(page)) {
        if (required) container->fail_map(whole, failure);
        return nullptr;
    }
    return region;
}

// The largest size that is worth it first. Null: none is, or they are only preferred and cannot be had.
std::shared_ptr<const DmaRegion> create_huge(const std::shared_ptr<Container>& container, std::size_t size, int node,
                                             HugePages huge_pages) {
    if (huge_pages == HugePages::never || !worth_huge_page(size, huge_2m)) return nullptr;
    const bool required = huge_pages == HugePages::required;
    for (const std::size_t page : page_sizes_for(size)) {
        if (page == huge_1g && !required && !worth_huge_page(size, page)) continue;
        if (auto region = create_huge(container, size, node, page, required)) return region;
    }
    if (required)
        support::fail(std::make_error_code(std::errc::not_enough_memory), container->object() + ": huge pages required",
                      huge_page_cure({}, huge_2m, whole_pages(size, huge_2m) / huge_2m));
    return nullptr;
}

std::shared_ptr<const DmaRegion> create_normal(const std::shared_ptr<Container>& container, std::size_t size,
                                               int node) {
    const std::string& object = container->object();
    const std::size_t page = container->page_size();
    const std::size_t whole = whole_pages(size, page);
    check_locked_memory(object, whole);
    auto memory = map_memory(whole, node, 0);
    if (memory.data() == nullptr)
        support::fail_errno(object + ": mmap of " + std::to_string(whole) + " bytes of DMA memory");
    const auto region = std::make_shared<DmaRegion>(container, std::move(memory), false);
    if (const std::error_code failure = region->map(whole >= huge_2m ? huge_2m : page))
        container->fail_map(whole, failure);
    return region;
}

}  // namespace

std::shared_ptr<const DmaRegion> DmaRegion::create(const std::shared_ptr<Container>& container, std::size_t size,
                                                   int numa_node, HugePages huge_pages) {
    if (size == 0 || size > SIZE_MAX / 2)
        support::fail(std::make_error_code(std::errc::invalid_argument),
                      container->object() + ": " + std::to_string(size) + " bytes of DMA memory");
    if (auto region = create_huge(container, size, numa_node, huge_pages)) return region;
    return create_normal(container, size, numa_node);
}

DmaRegion::DmaRegion(std::shared_ptr<Container> container, support::Mapping memory, bool huge_pages) noexcept
    : container_(std::move(container)), memory_(std::move(memory)), huge_pages_(huge_pages) {}

std::error_code DmaRegion::map(std::size_t alignment) {
    const Mapped mapped = container_->map(memory_.data(), memory_.size(), alignment);
    iova_ = mapped.iova;
    mapped_ = !mapped.failure;
    return mapped.failure;
}

DmaRegion::~DmaRegion() {
    if (mapped_) container_->unmap(iova_, memory_.size());
}

}  // namespace vmq::vfio
