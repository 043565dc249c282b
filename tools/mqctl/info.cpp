// `mqctl info`: one fact a line.
#include "tools/mqctl/info.hpp"

#include <string_view>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "tools/common/text.hpp"

namespace vmq::mqctl {

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
    line("link", info.link_up ? "up" : "down");
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

tools::Json info_json(const Info& info) {
    return tools::Json::array({{{"schema", "mqctl.info/1"},
                                {"device", info.name},
                                {"application", info.application},
                                {"process_id", info.process_id},
                                {"mac", info.mac ? tools::Json(to_string(*info.mac)) : tools::Json(nullptr)},
                                {"mtu", info.mtu},
                                {"link_up", info.link_up},
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
