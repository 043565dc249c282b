// An open VFIO device: its configuration space, its BARs and its interrupt lines.
#include "driver/vfio/device.hpp"

#include <array>
#include <cerrno>
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

#include "driver/support/endian.hpp"
#include "driver/support/errors.hpp"

namespace vmq::vfio {

namespace {

constexpr std::size_t command_register = 0x04;
constexpr std::uint16_t io_and_memory_space_and_bus_master = 0x0007;

vfio_region_info region(const Device& device, std::uint32_t index) {
    vfio_region_info info{};
    info.argsz = sizeof info;
    info.index = index;
    // Regions the kernel does not know of (EINVAL) are as good as empty ones.
    if (::ioctl(device.fd(), VFIO_DEVICE_GET_REGION_INFO, &info) != 0 && errno != EINVAL)
        support::fail_errno("VFIO_DEVICE_GET_REGION_INFO " + device.address());
    return info;
}

std::string at(const char* operation, const std::string& address, std::size_t offset) {
    return address + ": " + operation + " of configuration space at " + std::to_string(offset);
}

}  // namespace

Device::Device(std::string address, support::UniqueFd fd) : address_(std::move(address)), fd_(std::move(fd)) {
    vfio_device_info info{};
    info.argsz = sizeof info;
    if (::ioctl(fd_.get(), VFIO_DEVICE_GET_INFO, &info) != 0) support::fail_errno("VFIO_DEVICE_GET_INFO " + address_);
    if ((info.flags & VFIO_DEVICE_FLAGS_PCI) == 0)
        support::fail(std::make_error_code(std::errc::not_supported), address_ + ": not a PCI function");
    interrupt_indexes_ = info.num_irqs;
    const vfio_region_info config = region(*this, VFIO_PCI_CONFIG_REGION_INDEX);
    config_offset_ = config.offset;
    config_size_ = config.size;
}

void Device::read_config(std::size_t offset, std::span<std::byte> bytes) const {
    if (offset > config_size_ || bytes.size() > config_size_ - offset)
        support::fail(std::make_error_code(std::errc::result_out_of_range), at("read", address_, offset));
    const auto position = static_cast<off_t>(config_offset_ + offset);
    const auto done = ::pread(fd_.get(), bytes.data(), bytes.size(), position);
    if (done < 0) support::fail_errno(at("read", address_, offset));
    if (static_cast<std::size_t>(done) != bytes.size())
        support::fail(std::make_error_code(std::errc::io_error), at("read", address_, offset));
}

void Device::write_config(std::size_t offset, std::span<const std::byte> bytes) const {
    if (offset > config_size_ || bytes.size() > config_size_ - offset)
        support::fail(std::make_error_code(std::errc::result_out_of_range), at("write", address_, offset));
    const auto position = static_cast<off_t>(config_offset_ + offset);
    const auto done = ::pwrite(fd_.get(), bytes.data(), bytes.size(), position);
    if (done < 0) support::fail_errno(at("write", address_, offset));
    if (static_cast<std::size_t>(done) != bytes.size())
        support::fail(std::make_error_code(std::errc::io_error), at("write", address_, offset));
}

void Device::enable_bus_mastering() const {
    support::le16 command;
    read_config(command_register, std::as_writable_bytes(std::span{&command, 1}));
    command = static_cast<std::uint16_t>(command.value() | io_and_memory_space_and_bus_master);
    write_config(command_register, std::as_bytes(std::span{&command, 1}));
}

std::uint64_t Device::bar_size(unsigned bar) const { return bar < 6 ? region(*this, bar).size : 0; }

support::Mapping Device::map_bar(unsigned bar) const {
    const vfio_region_info info = bar < 6 ? region(*this, bar) : vfio_region_info{};
    if (info.size == 0 || (info.flags & VFIO_REGION_INFO_FLAG_MMAP) == 0) return {};
    void* const address =
        ::mmap(nullptr, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), static_cast<off_t>(info.offset));
    if (address == MAP_FAILED) return {};  // an older kernel, which keeps the page of the MSI-X table to itself
    return {address, static_cast<std::size_t>(info.size)};
}

support::FileWindow Device::bar_file(unsigned bar) const {
    const vfio_region_info info = bar < 6 ? region(*this, bar) : vfio_region_info{};
    return {fd_.get(), info.offset, static_cast<std::size_t>(info.size), address_ + ": BAR " + std::to_string(bar)};
}

unsigned Device::interrupt_count(unsigned index) const {
    if (index >= interrupt_indexes_) return 0;
    vfio_irq_info info{};
    info.argsz = sizeof info;
    info.index = index;
    if (::ioctl(fd_.get(), VFIO_DEVICE_GET_IRQ_INFO, &info) != 0) return 0;
    return (info.flags & VFIO_IRQ_INFO_EVENTFD) != 0 ? info.count : 0;
}

}  // namespace vmq::vfio
