// Addresses, interface names and socket paths to devices.
#include "tools/common/device_name.hpp"

#include <algorithm>
#include <cctype>
#include <regex>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <vmq/error.hpp>

#include "tools/common/failure.hpp"
#include "tools/common/text.hpp"

namespace vmq::tools {
namespace {

bool is_vhost_user(std::string_view name) { return name.starts_with("vhost-user:"); }
bool is_path(std::string_view name) { return name.find('/') != std::string_view::npos && !is_vhost_user(name); }

// Anything but a path, as a PCI address.
std::string address_of(const std::string& name) {
    if (auto address = pci_address(name)) return *address;
    return find_function(name).address;  // its error names what was looked for
}

std::string why_nobody_answers(const std::string& device) {
    if (is_vhost_user(device))
        return fmt::format("no application drives it (start one, for instance: mqperf receive {})", device);
    if (is_path(device)) return "nobody answers on this socket: is the application running?";
    const std::vector<Function> functions = list_functions();
    const auto found = std::find_if(functions.begin(), functions.end(),
                                    [&](const Function& function) { return function.address == device; });
    if (found == functions.end())
        return "there is no virtio-net function of this address (mqctl list shows what there is)";
    return why_not_driven(*found);
}

}  // namespace

std::optional<std::string> pci_address(std::string_view name) {
    static const std::regex form{"([0-9a-f]{4,8}:)?[0-9a-f]{2}:[01][0-9a-f]\\.[0-7]"};
    std::string address{name};
    std::transform(address.begin(), address.end(), address.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (!std::regex_match(address, form)) return std::nullopt;
    return std::count(address.begin(), address.end(), ':') == 1 ? "0000:" + address : address;
}

std::string only_candidate(const std::vector<std::string>& candidates, const std::string& none) {
    if (candidates.empty()) throw Failure{Exit::not_there, none};
    if (candidates.size() > 1)
        throw UsageError{fmt::format("several devices, name one: {}", fmt::join(candidates, ", "))};
    return candidates.front();
}

std::string driven_device(const std::optional<std::string>& named) {
    if (!named) {
        return only_candidate(running_devices(),
                              "no application drives a virtio-net device (mqctl list shows what there is; for a first "
                              "application, run: mqperf echo)");
    }
    return is_path(*named) || is_vhost_user(*named) ? *named : address_of(*named);
}

std::string free_device(const std::optional<std::string>& named) {
    if (named) return is_vhost_user(*named) ? *named : address_of(*named);
    std::vector<std::string> candidates;
    for (const Function& function : list_functions()) {
        if (function.driver == "vfio-pci" && function.process_id == 0) candidates.push_back(function.address);
    }
    return only_candidate(
        candidates,
        "vfio-pci has no free virtio-net function (mqctl list shows what there is; to give it one, run: "
        "mqctl bind DEV)");
}

ControlClient connect(const std::string& device) {
    try {
        return ControlClient{device};
    } catch (const std::system_error& error) {
        if (error.code() != Errc::not_driven)
            throw Failure{exit_for(error.code()), device_message(device, error.what())};
        throw Failure{Exit::not_there, device + ": " + why_nobody_answers(device)};
    }
}

std::string why_not_driven(const Function& function) {
    if (function.driver.empty()) {
        return fmt::format("no driver has it (run: mqctl bind {}, then start the application)", function.address);
    }
    if (function.driver != "vfio-pci") {
        const std::string as = function.kernel_interface.empty() ? "" : " as " + function.kernel_interface;
        return fmt::format("the kernel's driver {} has it{} (run: mqctl bind {}, then start the application)",
                           function.driver, as, function.address);
    }
    if (function.process_id != 0) {
        return fmt::format("process {} has it open, but answers on no control socket",
                           process_text(function.process_name, function.process_id));
    }
    return fmt::format("no application drives it (start one, for instance: mqperf echo {})", function.address);
}

}  // namespace vmq::tools
