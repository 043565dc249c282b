// Memory that is the application's own, made reachable for the device.
#include "driver/vfio/foreign_memory.hpp"

#include <optional>
#include <string>
#include <unistd.h>
#include <utility>

#include "driver/support/errors.hpp"
#include "driver/support/memory.hpp"
#include "driver/vfio/huge_pages.hpp"
#include "driver/vfio/locked_memory.hpp"
#include "driver/vfio/page_frames.hpp"

namespace vmq::vfio {

namespace {

// Made before the mapping, which must not outlive a failure to make it.
struct Lease {
    Lease(std::shared_ptr<Container> in, std::size_t bytes, bool physically)
        : container(std::move(in)), size(bytes), physical(physically) {}
    ~Lease() {
        if (!iova) return;
        physical ? container->unmap_at(*iova, size) : container->unmap(*iova, size);
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    std::shared_ptr<Container> container;
    std::optional<std::uint64_t> iova;  // nothing: not mapped so far
    std::size_t size;
    bool physical;
};

[[noreturn]] void refuse(const Container& container, std::span<std::byte> memory, const std::string& cure) {
    support::fail(
        std::make_error_code(std::errc::invalid_argument),
        container.object() + ": mapping " + std::to_string(memory.size()) + " bytes of the application's memory", cure);
}

void require_whole_pages(const Container& container, std::span<std::byte> memory, std::size_t page) {
    if (!memory.empty() && reinterpret_cast<std::uintptr_t>(memory.data()) % page == 0 && memory.size() % page == 0)
        return;
    refuse(container, memory, "begin and end it on a multiple of " + std::to_string(page));
}

}  // namespace

DmaBuffer map_foreign(const std::shared_ptr<Container>& container, std::span<std::byte> memory) {
    require_whole_pages(*container, memory, container->page_size());
    check_locked_memory(container->object(), memory.size());
    const auto lease = std::make_shared<Lease>(container, memory.size(), false);
    const Mapped mapped = container->map(memory.data(), memory.size(), container->page_size());
    if (mapped.failure) container->fail_map(memory.size(), mapped.failure);
    lease->iova = mapped.iova;
    return {memory.data(), memory.size(), mapped.iova, false, lease};
}

DmaBuffer map_foreign_physical(const std::shared_ptr<Container>& container, std::span<std::byte> memory) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    require_whole_pages(*container, memory, page);
    if (!support::populate(memory))
        support::fail_errno(container->object() + ": making the pages of the application's memory");
    const auto addresses = physical_addresses({}, container->object(), memory, page);
    if (!in_huge_pages({}, addresses) || !contiguous(addresses, page))
        refuse(*container, memory,
               "without an IOMMU it must be huge pages that follow each other in physical memory; one of 1 GiB does");
    const auto lease = std::make_shared<Lease>(container, memory.size(), true);
    container->map_at(memory, addresses.front());
    lease->iova = addresses.front();
    return {memory.data(), memory.size(), addresses.front(), true, lease};
}

}  // namespace vmq::vfio
