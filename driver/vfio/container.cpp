// A VFIO container: one I/O address space and the memory mapped into it, with a type 1 (version 2) IOMMU or with none.
#include "driver/vfio/container.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/vfio.h>
#include <new>
#include <sys/ioctl.h>
#include <vector>

#include "driver/support/errors.hpp"
#include "driver/vfio/group.hpp"
#include "driver/vfio/iommu_info.hpp"
#include "driver/vfio/locked_memory.hpp"

namespace vmq::vfio {

namespace {

constexpr const char* container_path = "/dev/vfio/vfio";

std::error_code last_error() { return {errno, std::generic_category()}; }

std::string cure_for_open(int error) {
    if (error == EACCES || error == EPERM) return "run as root, or: chmod 0666 /dev/vfio/vfio";
    if (error == ENOENT || error == ENODEV || error == ENXIO) return "vfio is not loaded; run: modprobe vfio-pci";
    return {};
}

}  // namespace

Container::Container(std::string object, bool no_iommu)
    : object_(std::move(object)), no_iommu_(no_iommu), fd_(::open(container_path, O_RDWR | O_CLOEXEC)) {
    if (!fd_) support::fail_errno(object_ + ": open /dev/vfio/vfio", cure_for_open(errno));
    if (::ioctl(fd_.get(), VFIO_GET_API_VERSION) != VFIO_API_VERSION)
        support::fail(std::make_error_code(std::errc::not_supported), object_ + ": VFIO_GET_API_VERSION",
                      "this kernel's VFIO is of another version");
    if (!no_iommu_ && ::ioctl(fd_.get(), VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0)
        support::fail(std::make_error_code(std::errc::not_supported), object_ + ": VFIO_TYPE1v2_IOMMU",
                      "run: modprobe vfio_iommu_type1");
}

void Container::attach(const Group& group) {
    const int group_fd = group.fd();
    const int container_fd = fd_.get();
    if (::ioctl(group_fd, VFIO_GROUP_SET_CONTAINER, &container_fd) != 0)
        support::fail_errno(object_ + ": VFIO_GROUP_SET_CONTAINER");
    if (no_iommu_) {
        if (::ioctl(container_fd, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU) != 0)
            support::fail_errno(object_ + ": VFIO_SET_IOMMU for no-IOMMU", "run as root; CAP_SYS_RAWIO is needed");
        return;
    }
    if (::ioctl(container_fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) != 0) {
        const bool remapping = errno == EPERM;  // the kernel's answer when interrupts could be forged
        support::fail_errno(object_ + ": VFIO_SET_IOMMU",
                            remapping
                                ? "the IOMMU has no interrupt remapping; give the virtual one intremap=on, or accept "
                                  "the risk with: modprobe vfio_iommu_type1 allow_unsafe_interrupts=1"
                                : "");
    }
    read_info();
}

void Container::read_info() {
    vfio_iommu_type1_info head{};
    head.argsz = sizeof head;
    if (::ioctl(fd_.get(), VFIO_IOMMU_GET_INFO, &head) != 0) support::fail_errno(object_ + ": VFIO_IOMMU_GET_INFO");

    // The first answer says how long the whole one is.
    std::vector<std::byte> bytes(std::max<std::size_t>(head.argsz, sizeof head));
    head = {};
    head.argsz = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(bytes.data(), &head, sizeof head);
    if (::ioctl(fd_.get(), VFIO_IOMMU_GET_INFO, bytes.data()) != 0)
        support::fail_errno(object_ + ": VFIO_IOMMU_GET_INFO");

    const IommuInfo info = parse_iommu_info(bytes);
    const auto machine_page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    page_size_ = std::max<std::size_t>(info.smallest_page(), machine_page);
    mapping_limit_ = info.mappings_left.value_or(0);  // none is taken yet
    const std::lock_guard lock{mutex_};
    addresses_ = IovaAllocator{info.usable, page_size_};
}

Mapped Container::map(std::byte* memory, std::size_t size, std::size_t alignment) {
    const std::lock_guard lock{mutex_};
    const auto iova = addresses_.allocate(size, alignment);
    if (!iova)
        support::fail(std::make_error_code(std::errc::address_not_available),
                      object_ + ": no I/O address for " + std::to_string(size) + " bytes",
                      "the largest hole in the IOMMU's ranges has " + std::to_string(addresses_.largest_hole()) +
                          " bytes; use fewer or smaller buffers");
    const std::error_code failure = map_dma(memory, size, *iova);
    if (!failure) return {*iova, {}};
    addresses_.release(*iova, size);
    return {0, failure};
}

void Container::unmap(std::uint64_t iova, std::size_t size) noexcept {
    const std::lock_guard lock{mutex_};
    // Fails when the group has left: the kernel has unmapped everything then. An address that may still be mapped is
    // never handed out again.
    if (!unmap_dma(iova, size)) return;
    try {
        addresses_.release(iova, size);
    } catch (const std::bad_alloc&) {
        // Nor are those that cannot be noted as free.
    }
}

void Container::map_at(std::span<std::byte> memory, std::uint64_t iova) {
    if (no_iommu_) return;
    if (const auto failure = map_dma(memory.data(), memory.size(), iova)) fail_map(memory.size(), failure);
}

void Container::unmap_at(std::uint64_t iova, std::size_t size) noexcept {
    if (!no_iommu_) static_cast<void>(unmap_dma(iova, size));
}

void Container::fail_map(std::size_t size, std::error_code code) const {
    std::string cure;
    LockedMemory locked = locked_memory();
    locked.exempt = false;  // VFIO does not honour the CAP_IPC_LOCK of a user namespace
    if (code == std::errc::not_enough_memory && !locked.allows(size)) cure = locked_memory_cure(locked, size);
    if (code == std::errc::no_space_on_device) cure = mapping_limit_cure(mapping_limit_);
    support::fail(code, object_ + ": VFIO_IOMMU_MAP_DMA of " + std::to_string(size) + " bytes", cure);
}

std::error_code Container::map_dma(const std::byte* memory, std::size_t size, std::uint64_t iova) const noexcept {
    vfio_iommu_type1_dma_map request{};
    request.argsz = sizeof request;
    request.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
    request.vaddr = reinterpret_cast<std::uintptr_t>(memory);
    request.iova = iova;
    request.size = size;
    return ::ioctl(fd_.get(), VFIO_IOMMU_MAP_DMA, &request) == 0 ? std::error_code{} : last_error();
}

bool Container::unmap_dma(std::uint64_t iova, std::size_t size) const noexcept {
    vfio_iommu_type1_dma_unmap request{};
    request.argsz = sizeof request;
    request.iova = iova;
    request.size = size;
    return ::ioctl(fd_.get(), VFIO_IOMMU_UNMAP_DMA, &request) == 0;
}

}  // namespace vmq::vfio
