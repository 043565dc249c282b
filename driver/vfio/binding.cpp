// Hands a PCI function from one driver to another through driver_override, and back when that fails.
#include "driver/vfio/binding.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <unistd.h>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "driver/support/unique_fd.hpp"
#include "driver/vfio/group.hpp"
#include "driver/vfio/group_holder.hpp"
#include "driver/vfio/interface_use.hpp"
#include "driver/vfio/pci_function.hpp"

namespace vmq::vfio {

namespace fs = std::filesystem;

namespace {

struct Write {
    fs::path file;
    std::string value;
};

std::string former_override(const SystemRoots& roots, const std::string& address) {
    std::string name;
    std::ifstream stream{function_path(roots, address) / "driver_override"};
    std::getline(stream, name);
    return name == "(null)" ? std::string{} : name;
}

// What makes the kernel take the function from its driver and look for one again, bound to the override if there is
// one.
std::vector<Write> plan(const SystemRoots& roots, const std::string& address, const std::string& driver_override) {
    const fs::path function = function_path(roots, address);
    std::vector<Write> writes{{function / "driver_override", driver_override}};
    if (!driver_of(roots, address).empty()) writes.push_back({function / "driver/unbind", address});
    writes.push_back({roots.sys / "bus/pci/drivers_probe", address});
    return writes;
}

std::vector<std::string> in_words(const std::vector<Write>& writes) {
    std::vector<std::string> lines;
    for (const auto& [file, value] : writes) lines.push_back((value.empty() ? "\"\"" : value) + " > " + file.string());
    return lines;
}

// A line feed alone removes the override.
std::error_code perform(const BindingHost& host, const Write& step) { return host.write(step.file, step.value + "\n"); }

// Best effort: every step is tried, as the last one alone may do.
void restore(const BindingHost& host, const std::string& address, const std::string& driver_override,
             const std::string& driver) {
    perform(host, {function_path(host.roots, address) / "driver_override", driver_override});
    const std::string current = driver_of(host.roots, address);
    if (current == driver) return;
    if (!current.empty()) perform(host, {function_path(host.roots, address) / "driver/unbind", address});
    perform(host, {host.roots.sys / "bus/pci/drivers_probe", address});
    if (!driver.empty() && driver_of(host.roots, address) != driver)
        perform(host, {host.roots.sys / "bus/pci/drivers" / driver / "bind", address});
}

std::string outcome(const BindingHost& host, const std::string& address, const std::string& former) {
    const std::string now = driver_of(host.roots, address);
    if (now == former) return former.empty() ? "it is without a driver, as before" : former + " has it again";
    return now.empty() ? "no driver has it now" : now + " has it now";
}

// All writes, then a look at who has the function; everything undone when a write fails or the wrong driver has it.
std::vector<std::string> hand_over(const BindingHost& host, const std::string& address,
                                   const std::string& driver_override, const std::string& wanted, bool dry_run) {
    const auto writes = plan(host.roots, address, driver_override);
    if (dry_run) return in_words(writes);

    const std::string former = driver_of(host.roots, address);
    const std::string old_override = former_override(host.roots, address);
    for (const Write& step : writes) {
        const std::error_code failure = perform(host, step);
        if (!failure) continue;
        restore(host, address, old_override, former);
        const bool denied = failure == std::errc::permission_denied || failure == std::errc::operation_not_permitted;
        support::fail(failure, address + ": write " + step.file.string(),
                      denied ? "run as root" : "dmesg may say why; " + outcome(host, address, former));
    }
    if (driver_of(host.roots, address) != wanted) {
        restore(host, address, old_override, former);
        support::fail(std::make_error_code(std::errc::io_error), address + ": " + wanted + " did not take it",
                      "dmesg may say why; " + outcome(host, address, former));
    }
    return in_words(writes);
}

// The modules of both drivers in question have the driver's name.
void require_driver(const SystemRoots& roots, const std::string& address, const std::string& driver) {
    std::error_code failure;
    if (fs::exists(roots.sys / "bus/pci/drivers" / driver, failure)) return;
    support::fail(Errc::unsupported, address + ": the driver " + driver + " is not loaded", "run: modprobe " + driver);
}

}  // namespace

std::error_code write_file(const fs::path& file, const std::string& value) {
    const support::UniqueFd fd{::open(file.c_str(), O_WRONLY | O_CLOEXEC)};
    // One write: sysfs takes each as a whole value.
    if (fd && ::write(fd.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size())) return {};
    return {errno, std::generic_category()};
}

BindingHost this_host() {
    BindingHost host;
    host.interface_use = [](const std::string& interface) { return interface_use({}, interface); };
    return host;
}

std::vector<std::string> bind_vfio(const BindingHost& host, const std::string& address, const BindOptions& options) {
    if (is_vfio_driver(driver_of(host.roots, address))) return {};
    require_driver(host.roots, address, "vfio-pci");
    require_group(host.roots, address);
    const std::string interface = kernel_interface_of(host.roots, address);
    if (!interface.empty() && !options.force)
        if (const std::string use = host.interface_use(interface); !use.empty())
            support::fail(Errc::interface_in_use, address + ": bind " + interface,
                          use + "; mqctl bind --force takes it anyway");
    return hand_over(host, address, "vfio-pci", "vfio-pci", options.dry_run);
}

std::vector<std::string> bind_kernel(const BindingHost& host, const std::string& address, const std::string& driver,
                                     bool dry_run) {
    const std::string current = driver_of(host.roots, address);
    if (current == driver) return {};
    require_driver(host.roots, address, driver);
    if (is_vfio_driver(current)) {
        // The kernel would wait for the holder to let go, for ever if need be.
        const auto holder = holder_of_group(host.roots, iommu_group_of(host.roots, address));
        if (holder.process_id != 0) support::fail(Errc::busy, address + ": unbind", busy_cure(holder));
    }
    return hand_over(host, address, "", driver, dry_run);
}

}  // namespace vmq::vfio
