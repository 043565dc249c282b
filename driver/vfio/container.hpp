// A VFIO container: one I/O address space and the memory mapped into it, with a type 1 (version 2) IOMMU or with none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <system_error>

#include "driver/support/unique_fd.hpp"
#include "driver/vfio/iova_allocator.hpp"

namespace vmq::vfio {

class Group;

struct Mapped {
    std::uint64_t iova = 0;
    std::error_code failure;  // the kernel's reason; iova means nothing then
};

class Container {
public:
    // `object` is what messages name: the PCI address. no_iommu: for a group of vfio's no-IOMMU mode.
    Container(std::string object, bool no_iommu);
    Container(const Container&) = delete;
    Container& operator=(const Container&) = delete;

    // Puts the group in, chooses the IOMMU model and reads what it can map.
    void attach(const Group& group);

    // Any thread.

    // Makes memory reachable for the device, for reading and writing. `size` is a multiple of page_size(). Throws when
    // no address is left; what the kernel refuses is returned, as the caller may have a second choice.
    [[nodiscard]] Mapped map(std::byte* memory, std::size_t size, std::size_t alignment);
    void unmap(std::uint64_t iova, std::size_t size) noexcept;

    // The same at an address that is given: the physical one. Nothing to do without an IOMMU. map_at throws. Not to be
    // mixed with map in one container.
    void map_at(std::span<std::byte> memory, std::uint64_t iova);
    void unmap_at(std::uint64_t iova, std::size_t size) noexcept;

    // Throws what the kernel refused, with the cure.
    [[noreturn]] void fail_map(std::size_t size, std::error_code code) const;

    [[nodiscard]] bool no_iommu() const noexcept { return no_iommu_; }
    // Of the IOMMU, or of this machine where that is larger.
    [[nodiscard]] std::size_t page_size() const noexcept { return page_size_; }
    // How many mappings the container takes in all; 0: the kernel does not tell.
    [[nodiscard]] std::uint32_t mapping_limit() const noexcept { return mapping_limit_; }
    [[nodiscard]] const std::string& object() const noexcept { return object_; }

private:
    void read_info();
    [[nodiscard]] std::error_code map_dma(const std::byte* memory, std::size_t size, std::uint64_t iova) const noexcept;
    [[nodiscard]] bool unmap_dma(std::uint64_t iova, std::size_t size) const noexcept;

    std::string object_;
    bool no_iommu_;
    support::UniqueFd fd_;
    std::size_t page_size_ = 4096;
    std::uint32_t mapping_limit_ = 0;
    std::mutex mutex_;  // guards addresses_
    IovaAllocator addresses_;
};

}  // namespace vmq::vfio
