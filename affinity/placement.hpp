// Which queue pair belongs on which vCPU: a pure function of the topology and the wish.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <vmq/options.hpp>

#include "affinity/topology.hpp"

namespace vmq::affinity {

struct PlacementRequest {
    unsigned pairs = 0;
    int device_node = unknown_node;
    PlacementPolicy policy = PlacementPolicy::automatic;
    std::string cpus = {};                  // not empty: these CPUs, pair i takes the i-th; Linux/hwloc list syntax
    std::optional<CpuId> control_cpu = {};  // where the control thread runs, if that is known
};

struct PairPlacement {
    unsigned pair = 0;
    CpuId cpu;
    int numa_node = unknown_node;

    friend bool operator==(const PairPlacement&, const PairPlacement&) = default;
};

// One entry per pair, pair 0 first; empty for PlacementPolicy::none. The place of pair i depends on i and never on how
// many pairs there are, so a change of their number moves none that stays. More pairs than CPUs wrap around.
//
// Automatic, the first rule that tells two CPUs apart decides:
//   isolated before others; a core's first CPU before any core's second; the device's node before others;
//   the control thread's core last; then by node, core and number. On the control thread's own core its
//   hyper-thread sibling comes before the CPU itself.
//
// Throws std::system_error for a list that is bad or names a CPU that is absent or not allowed (each CPU
// of it is checked, whatever the number of pairs), and when the process may use no CPU at all.
[[nodiscard]] std::vector<PairPlacement> place(const Topology& topology, const PlacementRequest& request);

// Where an interrupt meant for `cpu` may go when the kernel refuses that one: the other allowed CPUs of its node,
// the same core's first, then the same package's. Each CPU's list starts behind that CPU, so that several refusals do
// not all end on the same one.
[[nodiscard]] std::vector<CpuId> alternatives(const Topology& topology, CpuId cpu);

}  // namespace vmq::affinity
