// Counters by name.
#include "tools/common/device_stats.hpp"

#include <algorithm>

namespace vmq::tools {
namespace {

Json counters_json(const std::vector<DeviceCounter>& counters) {
    Json object = Json::object();
    for (const DeviceCounter& counter : counters) object[counter.name] = counter.value;
    return object;
}

}  // namespace

std::optional<DeviceStats> ask_device_stats(ControlClient& client, const Info& info) {
    const bool offered = std::ranges::count(info.feature_names, "DEVICE_STATS") != 0;
    if (!offered || !info.control_queue_usable) return std::nullopt;
    return client.device_stats();
}

Json device_stats_json(const std::optional<DeviceStats>& stats) {
    if (!stats) return nullptr;
    Json pairs = Json::array();
    for (const PairDeviceStats& pair : stats->pairs)
        pairs.push_back({{"receiveq", counters_json(pair.receiveq)}, {"transmitq", counters_json(pair.transmitq)}});
    return {{"controlq", counters_json(stats->controlq)}, {"pairs", pairs}};
}

}  // namespace vmq::tools
