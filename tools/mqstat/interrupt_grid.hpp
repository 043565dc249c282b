// mqstat --interrupts: vectors against vCPUs, in the manner of /proc/interrupts.
#pragma once

#include <string>

#include <vmq/stats.hpp>

#include "tools/common/json.hpp"

namespace vmq::mqstat {

// A row ends with a remark where the vector is off its vCPU.
[[nodiscard]] std::string interrupt_grid(const InterruptTable& table);
[[nodiscard]] tools::Json interrupt_json(const InterruptTable& table);

}  // namespace vmq::mqstat
