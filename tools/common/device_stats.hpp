// The device's own statistics, where it offers them.
#pragma once

#include <optional>

#include <vmq/control_client.hpp>

#include "tools/common/json.hpp"

namespace vmq::tools {

// Nothing where DEVICE_STATS was not negotiated, or no command can be given.
[[nodiscard]] std::optional<DeviceStats> ask_device_stats(ControlClient& client, const Info& info);
// null, or the counters of each virtqueue by name.
[[nodiscard]] Json device_stats_json(const std::optional<DeviceStats>& stats);

}  // namespace vmq::tools
