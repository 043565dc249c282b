// One IOMMU group with one virtio function of a single BAR.
#include "tests/inject/fake_kernel.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <linux/vfio.h>
#include <string_view>
#include <sys/syscall.h>
#include <unistd.h>

namespace vmq::inject::fake_kernel {
namespace {

constexpr std::size_t config_space = 256;
constexpr std::size_t bar_offset = 4096;
constexpr std::size_t bar_size = 16384;
constexpr unsigned msix_vectors = 8;
constexpr unsigned close_on_exec = 1;  // MFD_CLOEXEC

std::array<char, longest_path> folder{};
std::atomic<long> dma_mappings{0};

bool begins(std::string_view text, std::string_view with) { return text.substr(0, with.size()) == with; }

// Straight to the kernel, past the definitions in the place of libc's.
int make_file(std::size_t size) noexcept {
    const auto fd = static_cast<int>(::syscall(SYS_memfd_create, "fake vfio", close_on_exec));
    if (fd >= 0) ::syscall(SYS_ftruncate, fd, size);
    return fd;
}

int describe_region(vfio_region_info& info) noexcept {
    info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
    info.size = 0;
    if (info.index == VFIO_PCI_CONFIG_REGION_INDEX) {
        info.offset = 0;
        info.size = config_space;
    } else if (info.index == VFIO_PCI_BAR0_REGION_INDEX) {
        info.offset = bar_offset;
        info.size = bar_size;
        info.flags |= VFIO_REGION_INFO_FLAG_MMAP;
    }
    return 0;
}

int describe_interrupt(vfio_irq_info& info) noexcept {
    info.flags = VFIO_IRQ_INFO_EVENTFD;
    info.count = info.index == VFIO_PCI_MSIX_IRQ_INDEX ? msix_vectors : 1;
    return 0;
}

int describe_iommu(vfio_iommu_type1_info& info) noexcept {
    info.argsz = sizeof info;
    info.flags = VFIO_IOMMU_INFO_PGSIZES;
    info.iova_pgsizes = 4096;
    return 0;
}

}  // namespace

void set_sys(const std::string& sys) {
    folder = {};
    sys.copy(folder.data(), folder.size() - 1);
}

long live_dma_mappings() noexcept { return dma_mappings; }

const char* path_of(const char* path, char (&room)[longest_path]) noexcept {
    if (folder[0] == '\0' || path == nullptr) return path;
    const std::string_view text = path;
    const bool ours = begins(text, "/sys/bus/pci/") || begins(text, "/sys/kernel/iommu_groups") ||
                      begins(text, "/sys/kernel/mm/") || begins(text, "/sys/module/vfio/");
    if (!ours) return path;
    std::snprintf(room, sizeof room, "%s%s", folder.data(), path + std::strlen("/sys"));
    return room;
}

int open_device(const char* path) noexcept {
    if (folder[0] == '\0' || !begins(path, "/dev/vfio/")) return -1;
    return make_file(0);
}

bool owns(unsigned long request) noexcept { return folder[0] != '\0' && _IOC_TYPE(request) == VFIO_TYPE; }

bool gives_back(unsigned long request, const void* argument) noexcept {
    if (!owns(request)) return false;
    if (request == VFIO_IOMMU_UNMAP_DMA) return true;
    if (request != VFIO_DEVICE_SET_IRQS) return false;
    const auto* const set = static_cast<const vfio_irq_set*>(argument);
    int first = 0;
    if (set->count != 0) std::memcpy(&first, set->data, sizeof first);
    return set->count == 0 || first < 0;
}

int control(unsigned long request, void* argument) noexcept {
    switch (request) {
        case VFIO_GET_API_VERSION:
            return VFIO_API_VERSION;
        case VFIO_CHECK_EXTENSION:
            return 1;
        case VFIO_GROUP_GET_STATUS:
            static_cast<vfio_group_status*>(argument)->flags = VFIO_GROUP_FLAGS_VIABLE;
            return 0;
        case VFIO_GROUP_GET_DEVICE_FD:
            return make_file(bar_offset + bar_size);
        case VFIO_IOMMU_GET_INFO:
            return describe_iommu(*static_cast<vfio_iommu_type1_info*>(argument));
        case VFIO_IOMMU_MAP_DMA:
            ++dma_mappings;
            return 0;
        case VFIO_IOMMU_UNMAP_DMA:
            --dma_mappings;
            return 0;
        case VFIO_DEVICE_GET_INFO: {
            auto* const info = static_cast<vfio_device_info*>(argument);
            info->flags = VFIO_DEVICE_FLAGS_PCI;
            info->num_regions = VFIO_PCI_NUM_REGIONS;
            info->num_irqs = VFIO_PCI_NUM_IRQS;
            return 0;
        }
        case VFIO_DEVICE_GET_REGION_INFO:
            return describe_region(*static_cast<vfio_region_info*>(argument));
        case VFIO_DEVICE_GET_IRQ_INFO:
            return describe_interrupt(*static_cast<vfio_irq_info*>(argument));
        case VFIO_GROUP_SET_CONTAINER:
        case VFIO_SET_IOMMU:
        case VFIO_DEVICE_SET_IRQS:
            return 0;
        default:
            errno = ENOTTY;
            return -1;
    }
}

}  // namespace vmq::inject::fake_kernel
