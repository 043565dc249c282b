// Where the control socket of a device is found.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vmq::control {

inline constexpr std::string_view default_folder = "/run/vmq";

// "/run/vmq/0000:00:04.0.sock"; the address may lack the domain and have capital letters, or be that of a vhost-user
// device.
[[nodiscard]] std::string socket_path(std::string_view address, std::string_view folder = default_folder);

// The devices whose sockets in `folder` have a listener, or one that the caller may not talk to; sorted. A folder that
// is not there has none. Throws std::system_error when the folder cannot be read.
[[nodiscard]] std::vector<std::string> listening_devices(std::string_view folder = default_folder);

}  // namespace vmq::control
