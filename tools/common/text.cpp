// Words that more than one tool prints.
#include "tools/common/text.hpp"

#include <fmt/core.h>

namespace vmq::tools {

std::string_view state_name(PairState state) noexcept {
    switch (state) {
        case PairState::active:
            return "active";
        case PairState::draining:
            return "draining";
        case PairState::parked:
            return "parked";
        case PairState::broken:
            return "broken";
        case PairState::suspended:
            return "suspended";
        case PairState::stopped:
            return "stopped";
    }
    return "unknown";
}

std::string or_dash(int number) { return number < 0 ? "-" : std::to_string(number); }

std::string process_text(std::string_view name, int id) {
    if (id == 0) return "-";
    return name.empty() ? std::to_string(id) : fmt::format("{}({})", name, id);
}

}  // namespace vmq::tools
