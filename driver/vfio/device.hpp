// An open VFIO device: its configuration space, its BARs and its interrupt lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "driver/support/file_window.hpp"
#include "driver/support/mapping.hpp"
#include "driver/support/unique_fd.hpp"

namespace vmq::vfio {

// The kernel resets the function when it is opened and when it is closed, wherever it can (that is what the flag
// VFIO_DEVICE_FLAGS_RESET tells), so there is no reset here.
class Device {
public:
    Device(std::string address, support::UniqueFd fd);

    void read_config(std::size_t offset, std::span<std::byte> bytes) const;
    void write_config(std::size_t offset, std::span<const std::byte> bytes) const;
    // Lets the function answer to memory and I/O accesses, and make its own.
    void enable_bus_mastering() const;

    [[nodiscard]] std::uint64_t bar_size(unsigned bar) const;
    // Empty when the BAR cannot be mapped.
    [[nodiscard]] support::Mapping map_bar(unsigned bar) const;
    // Of size 0 when the BAR is not there.
    [[nodiscard]] support::FileWindow bar_file(unsigned bar) const;

    // How many interrupts VFIO's interrupt index has; 0: it is not there.
    [[nodiscard]] unsigned interrupt_count(unsigned index) const;

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] const std::string& address() const noexcept { return address_; }

private:
    std::string address_;
    support::UniqueFd fd_;
    std::uint64_t config_offset_ = 0;  // of configuration space in the device's file
    std::uint64_t config_size_ = 0;
    unsigned interrupt_indexes_ = 0;
};

}  // namespace vmq::vfio
