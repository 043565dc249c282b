// Every virtio-net function of the machine, with the application that drives it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <vmq/binding.hpp>

#include "tools/common/json.hpp"

namespace vmq::mqctl {

struct ListedFunction {
    Function function;
    struct Pairs {
        unsigned now = 0;
        unsigned max = 0;
    };
    std::optional<Pairs> pairs;  // where an application answers
    std::string iommu_mode;      // as Info has it; empty: not known, as no application drives it
};

// Works without any application, too.
[[nodiscard]] std::vector<ListedFunction> find_functions();

[[nodiscard]] std::string list_text(const std::vector<ListedFunction>& functions);
[[nodiscard]] tools::Json list_json(const std::vector<ListedFunction>& functions);

}  // namespace vmq::mqctl
