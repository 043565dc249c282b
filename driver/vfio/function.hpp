// One PCI function, opened through VFIO: all that a transport needs of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <vmq/options.hpp>

#include "driver/support/file_window.hpp"
#include "driver/support/mapping.hpp"

namespace vmq::vfio {

class Container;
class Device;
class Group;
class Interrupts;

// Memory that driver and device share. `owner` keeps it mapped for both; drop it only when the device is reset.
struct DmaBuffer {
    std::byte* data = nullptr;
    std::size_t size = 0;
    std::uint64_t iova = 0;
    bool huge_pages = false;
    std::shared_ptr<const void> owner;
};

struct MemoryOptions {
    // For buffers of 1 MiB and more; smaller ones (rings, commands) are in normal pages always.
    vmq::HugePages huge_pages = vmq::HugePages::preferred;
};

// One thread at a time; DmaBuffers may be dropped by any thread. Failures throw std::system_error with the cure.
//
// The end of it, in this order: the caller has reset the device and dropped its DmaBuffers (which unmaps them); then
// the destructor disables the vectors, unmaps the BARs, and closes device, group and container. Closing the device
// stops its bus mastering, and closing the group removes whatever DMA mapping a forgotten DmaBuffer still has.
class Function {
public:
    // "0000:00:04.0" or "00:04.0"; the function must be bound to vfio-pci. Throws Errc::no_such_device, Errc::busy,
    // EACCES, …
    [[nodiscard]] static std::unique_ptr<Function> open(std::string_view address, const MemoryOptions& options);
    ~Function();
    Function(const Function&) = delete;
    Function& operator=(const Function&) = delete;

    [[nodiscard]] const std::string& address() const noexcept { return address_; }
    [[nodiscard]] std::string iommu_mode() const;

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

    // Throws ENOMEM with the cure when RLIMIT_MEMLOCK does not allow so many bytes more.
    void check_memory(std::size_t bytes) const;
    // Zero-filled, page-aligned, contiguous for driver and device, and mapped for both. numa_node: where it is wanted,
    // -1 for anywhere.
    [[nodiscard]] DmaBuffer allocate(std::size_t size, int numa_node);

private:
    Function(std::string address, const MemoryOptions& options);

    // Destroyed from the last to the first.
    std::string address_;
    MemoryOptions options_;
    std::shared_ptr<Container> container_;
    std::unique_ptr<Group> group_;
    std::unique_ptr<Device> device_;
    std::array<support::Mapping, 6> bars_;
    std::unique_ptr<Interrupts> interrupts_;
};

}  // namespace vmq::vfio
