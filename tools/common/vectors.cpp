// Wanted vCPU against the kernel's.
#include "tools/common/vectors.hpp"

#include <fmt/core.h>

namespace vmq::tools {

std::string vector_trouble(const VectorStats& vector) {
    const bool off =
        vector.wanted_cpu >= 0 && !vector.affinity.empty() && vector.affinity != std::to_string(vector.wanted_cpu);
    const std::string place = off ? fmt::format("on {}, wanted {}", vector.affinity, vector.wanted_cpu) : "";
    if (vector.trouble.empty()) return place;
    return place.empty() ? vector.trouble : fmt::format("{} ({})", place, vector.trouble);
}

}  // namespace vmq::tools
