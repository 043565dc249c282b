// What DEV means on a command line, and what to say when nobody drives it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmq/binding.hpp>
#include <vmq/control_client.hpp>

namespace vmq::tools {

// "00:04.0" and "0000:00:04.0" in the long form; std::nullopt for anything else.
[[nodiscard]] std::optional<std::string> pci_address(std::string_view name);

// The one candidate; throws Failure (none: `none`, exit 3) or UsageError (several: names them).
[[nodiscard]] std::string only_candidate(const std::vector<std::string>& candidates, const std::string& none);

// DEV, or the only device that an application drives, as ControlClient takes it. Throws Failure.
[[nodiscard]] std::string driven_device(const std::optional<std::string>& named);

// DEV, or the only virtio-net function that vfio-pci has and no process uses, as Device::open takes it. Throws Failure.
// "vhost-user:/path" is taken as it is.
[[nodiscard]] std::string free_device(const std::optional<std::string>& named);

// Connects to the application; when there is none the Failure says who has the device and what to do.
[[nodiscard]] ControlClient connect(const std::string& device);

// Who has a function that no vmq application answers for, and what to do.
[[nodiscard]] std::string why_not_driven(const Function& function);

}  // namespace vmq::tools
