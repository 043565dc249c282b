// `mqctl list`: sysfs says which functions there are, their applications say how many pairs they use.
#include "tools/mqctl/list.hpp"

#include <system_error>

#include <fmt/core.h>

#include <vmq/control_client.hpp>

#include "tools/common/table.hpp"
#include "tools/common/text.hpp"

namespace vmq::mqctl {
namespace {

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

tools::Json or_null(const std::string& text) { return text.empty() ? tools::Json(nullptr) : tools::Json(text); }

void ask_application(std::vector<ListedFunction>& functions, const std::string& device) {
    try {
        const Info info = ControlClient{device}.info();
        if (info.name.starts_with("vhost-user:")) {
            ListedFunction& listed = functions.emplace_back();
            listed.function.address = info.name;
            listed.function.driver = "vhost-user";
        }
        for (ListedFunction& listed : functions) {
            if (listed.function.address != info.name) continue;
            listed.pairs = {info.queue_pairs, info.max_queue_pairs};
            listed.iommu_mode = info.iommu_mode;
            listed.function.process_id = info.process_id;
            listed.function.process_name = info.application;
        }
    } catch (const std::system_error&) {
        // Gone meanwhile, or not ours to ask: the list says what is known without it.
    }
}

}  // namespace

std::vector<ListedFunction> find_functions() {
    std::vector<ListedFunction> functions;
    for (Function& function : list_functions()) {
        std::string mode = function.no_iommu ? "no-IOMMU" : "";
        functions.push_back({std::move(function), std::nullopt, std::move(mode)});
    }
    for (const std::string& device : running_devices()) ask_application(functions, device);
    return functions;
}

std::string list_text(const std::vector<ListedFunction>& functions) {
    using tools::Align;
    tools::Table table{{{"ADDRESS", Align::left},
                        {"INTERFACE", Align::left},
                        {"DRIVER", Align::left},
                        {"GROUP"},
                        {"IOMMU", Align::left},
                        {"PROCESS", Align::left},
                        {"PAIRS", Align::left}}};
    for (const auto& [function, pairs, iommu_mode] : functions) {
        table.add({function.address, or_dash(function.kernel_interface), or_dash(function.driver),
                   tools::or_dash(function.iommu_group), or_dash(iommu_mode.substr(0, iommu_mode.find(':'))),
                   tools::process_text(function.process_name, function.process_id),
                   pairs ? fmt::format("{}/{}", pairs->now, pairs->max) : "-"});
    }
    return table.text();
}

tools::Json list_json(const std::vector<ListedFunction>& functions) {
    tools::Json devices = tools::Json::array();
    for (const auto& [function, pairs, iommu_mode] : functions) {
        devices.push_back({{"schema", "mqctl.list/1"},
                           {"device", function.address},
                           {"kernel_interface", or_null(function.kernel_interface)},
                           {"driver", or_null(function.driver)},
                           {"iommu_group", tools::or_null(function.iommu_group)},
                           {"iommu_mode", or_null(iommu_mode)},
                           {"process_id", tools::or_null(function.process_id == 0 ? -1 : function.process_id)},
                           {"process_name", or_null(function.process_name)},
                           {"queue_pairs", pairs ? tools::Json(pairs->now) : tools::Json(nullptr)},
                           {"max_queue_pairs", pairs ? tools::Json(pairs->max) : tools::Json(nullptr)}});
    }
    return devices;
}

}  // namespace vmq::mqctl
