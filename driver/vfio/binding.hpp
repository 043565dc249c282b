// Hands a PCI function from one driver to another through driver_override, and back when that fails.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <system_error>
#include <vector>

#include <vmq/binding.hpp>

#include "driver/vfio/system_roots.hpp"

namespace vmq::vfio {

// How the files of sysfs are written. Blocks until the kernel has done what the file stands for.
using WriteFile = std::function<std::error_code(const std::filesystem::path&, const std::string& value)>;
[[nodiscard]] std::error_code write_file(const std::filesystem::path& file, const std::string& value);

// The part of the system that binding touches; tests bring their own.
struct BindingHost {
    SystemRoots roots;
    WriteFile write = write_file;
    // What keeps a kernel interface from being taken away, empty for nothing.
    std::function<std::string(const std::string& interface)> interface_use;
};
// This machine.
[[nodiscard]] BindingHost this_host();

// `address` is the whole one of an existing function. Both return the writes ("value > file"), none when the driver is
// right already, and throw std::system_error with the cure; what was changed is undone first.
std::vector<std::string> bind_vfio(const BindingHost& host, const std::string& address, const BindOptions& options);
// To `driver`, which must claim the function when the kernel looks for a driver of its own accord.
std::vector<std::string> bind_kernel(const BindingHost& host, const std::string& address, const std::string& driver,
                                     bool dry_run);

}  // namespace vmq::vfio
