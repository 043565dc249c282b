// Everything an application tells about its device.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <vmq/device_stats.hpp>
#include <vmq/info.hpp>

#include "tools/common/json.hpp"

namespace vmq::mqctl {

[[nodiscard]] std::string info_text(const Info& info);
[[nodiscard]] tools::Json info_json(const Info& info, const std::optional<DeviceStats>& device_stats);

// "512 KiB", "16.5 MiB"
[[nodiscard]] std::string memory_text(std::uint64_t bytes);

}  // namespace vmq::mqctl
