// Pair -> vector -> IRQ -> vCPU -> thread: what was asked for and what is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <vmq/info.hpp>
#include <vmq/stats.hpp>

#include "tools/common/json.hpp"

namespace vmq::mqctl {

// One of a pair's vectors, or a vector that no pair has alone (pair -1).
struct MapRow {
    int pair = -1;
    std::string state;
    std::string use;  // "rx", "tx", "rx+tx", or the vector's owner
    int vector = -1;  // -1: polled
    int irq = -1;
    int wanted_cpu = -1;
    std::string irq_cpus;             // where the kernel has it, empty when unknown
    std::uint64_t irq_moved = 0;      // times something else moved it and it was put back
    std::uint64_t irq_elsewhere = 0;  // interrupts that other vCPUs have handled than the one wanted at the time
    int thread_id = 0;
    int thread_cpu = -1;
    int pair_cpu = -1;  // the vCPU the pair was placed on
    int numa_node = -1;
    std::string trouble;  // empty: everything is where it was asked to be
};

[[nodiscard]] std::vector<MapRow> map_rows(const Info& info, const InterruptTable& interrupts);
[[nodiscard]] std::string map_text(const Info& info, const InterruptTable& interrupts);
[[nodiscard]] tools::Json map_json(const Info& info, const InterruptTable& interrupts);

}  // namespace vmq::mqctl
