// The machine's logical processors, for tools that show what is placed where.
#pragma once

#include <vector>

#include <vmq/export.hpp>

namespace vmq {

struct Processor {
    unsigned cpu = 0;      // Linux's number
    unsigned core = 0;     // unique in the machine
    unsigned package = 0;  // unique in the machine
    int numa_node = -1;    // Linux's number, -1: unknown
    bool isolated = false;
};

// Those that are online, as hwloc sees them, ascending by cpu; whether this process may use them or not. Throws
// std::system_error. Any thread; reads /sys and so takes some milliseconds.
[[nodiscard]] VMQ_EXPORT std::vector<Processor> processors();

}  // namespace vmq
