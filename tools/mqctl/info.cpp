// `mqctl info`: one fact a line.
#include "tools/mqctl/info.hpp"

#include <array>
#include <string_view>
#include <utility>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "tools/common/device_stats.hpp"
#include "tools/common/text.hpp"

namespace vmq::mqctl {

namespace {

constexpr std::array<std::pair<bool ReceiveMode::*, const char*>, 6> modes{
    {{&ReceiveMode::promiscuous, "promiscuous"},
     {&ReceiveMode::all_multicast, "all_multicast"},
     {&ReceiveMode::all_unicast, "all_unicast"},
     {&ReceiveMode::no_multicast, "no_multicast"},
     {&ReceiveMode::no_unicast, "no_unicast"},
     {&ReceiveMode::no_broadcast, "no_broadcast"}}};

std::string link_text(const Info& info) {
    std::string text = info.link_up ? "up" : "down";
    if (info.speed) text += fmt::format(", {} Mbit/s", *info.speed);
    if (info.full_duplex) text += *info.full_duplex ? ", full duplex" : ", half duplex";
    return text;
}

std::string mode_text(const ReceiveMode& mode) {
    std::string text;
    for (const auto& [member, name] : modes)
        if (mode.*member) text += (text.empty() ? "" : " ") + std::string(name);
    return text.empty() ? "own address, filters and broadcast" : text;
}

std::vector<std::string> texts_of(const std::vector<MacAddress>& macs) {
    std::vector<std::string> texts;
    for (const MacAddress& mac : macs) texts.push_back(to_string(mac));
    return texts;
}

template <typename T>
tools::Json or_null(const std::optional<T>& value) {
    return value ? tools::Json(*value) : tools::Json(nullptr);
}

}  // namespace

std::string memory_text(std::uint64_t bytes) {
    constexpr std::uint64_t kib = 1024;
    constexpr std::uint64_t mib = kib * kib;
    if (bytes < kib) return fmt::format("{} bytes", bytes);
    if (bytes < mib) return fmt::format("{:.4g} KiB", static_cast<double>(bytes) / kib);
    return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / mib);
}

std::string info_text(const Info& info) {
    std::string text;
    const auto line = [&text](std::string_view name, const std::string& value) {
        text += fmt::format("{:<15}{}\n", name, value);
    };
    line("device", info.name);
    line("application", tools::process_text(info.application, info.process_id));
    line("MAC", info.mac ? to_string(*info.mac) : "not told");
    line("MTU", std::to_string(info.mtu));
    line("link", link_text(info));
    line("receive mode", mode_text(info.receive_mode));
    const auto& [unicast, multicast] = info.mac_filters;
    if (!unicast.empty()) line("unicast", fmt::format("{}", fmt::join(texts_of(unicast), " ")));
    if (!multicast.empty()) line("multicast", fmt::format("{}", fmt::join(texts_of(multicast), " ")));
    if (!info.vlans.empty()) line("VLANs", fmt::format("{}", fmt::join(info.vlans, " ")));
    line("queue pairs", fmt::format("{} of {} (the device has {})", info.queue_pairs, info.max_queue_pairs,
                                    info.device_max_queue_pairs));
    line("rings", fmt::format("{}, {} descriptors", info.ring_layout, info.ring_size));
    line("vectors", fmt::format("{}, {}", info.vectors, info.vector_sharing));
    line("IOMMU mode", info.iommu_mode);
    line("memory", memory_text(info.memory_bytes) + (info.huge_pages ? ", huge pages" : ", normal pages"));
    line("buffers", fmt::format("{} of {} bytes for each pair", info.buffers_per_pair, info.buffer_size));
    line("control queue", info.control_queue_usable ? "usable" : "not usable until the device is reset");
    line("offered", fmt::format("{:#018x}", info.device_features));
    line("negotiated", fmt::format("{:#018x}", info.negotiated_features));
    line("features", fmt::format("{}", fmt::join(info.feature_names, " ")));
    return text;
}

tools::Json info_json(const Info& info, const std::optional<DeviceStats>& device_stats) {
    tools::Json receive_mode = tools::Json::object();
    for (const auto& [member, name] : modes) receive_mode[name] = info.receive_mode.*member;
    return tools::Json::array({{{"schema", "mqctl.info/1"},
                                {"device", info.name},
                                {"application", info.application},
                                {"process_id", info.process_id},
                                {"mac", info.mac ? tools::Json(to_string(*info.mac)) : tools::Json(nullptr)},
                                {"mtu", info.mtu},
                                {"device_mtu", info.device_mtu},
                                {"link_up", info.link_up},
                                {"speed_mbps", or_null(info.speed)},
                                {"full_duplex", or_null(info.full_duplex)},
                                {"receive_mode", receive_mode},
                                {"unicast_filters", texts_of(info.mac_filters.unicast)},
                                {"multicast_filters", texts_of(info.mac_filters.multicast)},
                                {"vlans", info.vlans},
                                {"device_stats", tools::device_stats_json(device_stats)},
                                {"queue_pairs", info.queue_pairs},
                                {"max_queue_pairs", info.max_queue_pairs},
                                {"device_max_queue_pairs", info.device_max_queue_pairs},
                                {"ring_layout", info.ring_layout},
                                {"ring_size", info.ring_size},
                                {"vectors", info.vectors},
                                {"vector_sharing", info.vector_sharing},
                                {"iommu_mode", info.iommu_mode},
                                {"memory_bytes", info.memory_bytes},
                                {"huge_pages", info.huge_pages},
                                {"buffers_per_pair", info.buffers_per_pair},
                                {"buffer_size", info.buffer_size},
                                {"control_queue_usable", info.control_queue_usable},
                                {"device_features", info.device_features},
                                {"negotiated_features", info.negotiated_features},
                                {"features", info.feature_names}}});
}

}  // namespace vmq::mqctl
