// One PCI function, opened through VFIO: all that a transport needs of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <vmq/options.hpp>

#include "driver/support/file_window.hpp"
#include "driver/support/mapping.hpp"
#include "driver/support/memory.hpp"
#include "driver/vfio/dma_buffer.hpp"

namespace vmq::vfio {

class Container;
class Device;
class Group;
class Interrupts;
class PhysicalArena;

struct MemoryOptions {
    // For buffers of 1 MiB and more; smaller ones (rings, commands) are in normal pages, but for physical addresses.
    vmq::HugePages huge_pages = vmq::HugePages::preferred;
    // Whether a function in vfio's no-IOMMU mode may be opened.
    bool no_iommu = false;
};

// One thread at a time; DmaBuffers may be dropped by any thread. Failures throw std::system_error with the cure.
//
// The end of it, in this order: the caller has reset the device and dropped its DmaBuffers (which unmaps them); then
// the destructor disables the vectors, unmaps the BARs, and closes device, group and container. Closing the device
// stops its bus mastering, and closing the group removes whatever DMA mapping a forgotten DmaBuffer still has.
class Function {
public:
    // "0000:00:04.0" or "00:04.0"; the function must be bound to vfio-pci. Throws Errc::no_such_device, Errc::busy,
    // Errc::unsupported without an IOMMU unless the options allow that, EACCES, …
    [[nodiscard]] static std::unique_ptr<Function> open(std::string_view address, const MemoryOptions& options);
    ~Function();
    Function(const Function&) = delete;
    Function& operator=(const Function&) = delete;

    [[nodiscard]] const std::string& address() const noexcept { return address_; }
    // What protects this machine's memory from the device, and what does not, in words.
    [[nodiscard]] std::string iommu_mode() const;

    // For a device that goes around the IOMMU and takes addresses as physical ones: what allocate and map_memory give
    // from now on is in physically contiguous huge pages, and its `iova` the physical address. To be called before
    // either. Without an IOMMU (no-IOMMU mode) that is so from the start. Throws Errc::unsupported when
    // MemoryOptions::huge_pages is never.
    void use_physical_addresses();

    // PCI configuration space.
    void read_config(std::size_t offset, std::span<std::byte> bytes) const;
    void write_config(std::size_t offset, std::span<const std::byte> bytes) const;

    // Bytes of BAR 0 to 5; 0: it is not there.
    [[nodiscard]] std::uint64_t bar_size(unsigned bar) const;
    // Mapped once, for as long as the Function lives; empty for a BAR that cannot be mapped (I/O ports, or not there).
    [[nodiscard]] std::span<std::byte> map_bar(unsigned bar);
    // The way to a BAR in I/O space; of size 0 when the BAR is not there. Good as long as the Function lives.
    [[nodiscard]] support::FileWindow bar_file(unsigned bar) const;

    void enable_bus_mastering();

    [[nodiscard]] unsigned msix_vectors() const;
    // Connects vector i to eventfds[i], all at once, in place of what was connected before; an empty span disconnects
    // all. Returns eventfds.size(), or how many vectors could be had when those are fewer; then nothing is connected.
    [[nodiscard]] std::size_t enable_vectors(std::span<const int> eventfds);
    // Becomes readable when the kernel wants the device back; -1 where it cannot ask.
    [[nodiscard]] int request_event_fd() const;

    // Throws ENOMEM or ENOSPC with the cure when these blocks take more locked memory, mappings or huge pages than
    // there are.
    void check_memory(std::span<const support::MemoryNeed> needs) const;
    // Zero-filled, page-aligned, and mapped for driver and device, in as few pieces as can be had: each block whole in
    // one of them, and all as far apart for the driver as for the device. A forked child does not get it.
    [[nodiscard]] std::vector<DmaBuffer> allocate(const support::MemoryNeed& need);
    // The application's own memory, whole pages of it, pinned and mapped for the device until the owner is dropped.
    // With physical addresses only huge pages that follow each other in physical memory; throws EINVAL otherwise.
    [[nodiscard]] DmaBuffer map_memory(std::span<std::byte> memory);

private:
    Function(std::string address, const MemoryOptions& options);

    // Destroyed from the last to the first.
    std::string address_;
    MemoryOptions options_;
    std::shared_ptr<Container> container_;
    std::unique_ptr<PhysicalArena> arena_;  // null: I/O virtual addresses
    std::unique_ptr<Group> group_;
    std::unique_ptr<Device> device_;
    std::array<support::Mapping, 6> bars_;
    std::unique_ptr<Interrupts> interrupts_;
};

}  // namespace vmq::vfio
