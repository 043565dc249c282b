// Which queue pair belongs on which vCPU: pure, from the topology and the wish; and where it goes while that vCPU is
// away.
#pragma once

#include <map>
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

struct PairMove {
    unsigned pair = 0;
    CpuId from;
    CpuId to;

    friend bool operator==(const PairMove&, const PairMove&) = default;
};

// The places of a device's pairs while vCPUs come and go. Each pair has a home, which is what place() said, and is
// there whenever it can be: a pair moves only when its vCPU goes, when it can go home again, or when there is a vCPU
// now with less to do than the one it shares.
class Placement {
public:
    Placement() = default;  // no pair is placed
    // Throws what place() throws.
    Placement(const Topology& topology, PlacementRequest request);

    [[nodiscard]] const std::vector<PairPlacement>& pairs() const noexcept { return pairs_; }

    // Places the pairs on the CPUs that are online and allowed now, the first `active` of them being in use; returns
    // those that moved. A pair without its home goes to the usable CPU with the fewest pairs in use, the nearest of
    // several; with a list of CPUs, to one of the list while any is left. CPUs that were never seen before take pairs
    // from those that have more than one. Nothing moves while no CPU is usable.
    std::vector<PairMove> follow(const Topology& topology, unsigned active);

private:
    void meet(const Topology& topology);
    void share_homes();
    [[nodiscard]] CpuSet candidates(const Topology& topology) const;
    [[nodiscard]] std::vector<CpuId> choose(const CpuSet& usable, unsigned active) const;
    [[nodiscard]] std::size_t distance(CpuId from, CpuId to) const;

    PlacementRequest request_;
    std::vector<CpuId> known_;                        // every CPU that was usable once, in the order of the policy
    std::map<CpuId, std::vector<CpuId>> neighbours_;  // of the known CPUs, the nearest first
    std::vector<CpuId> homes_;                        // of each pair
    std::vector<PairPlacement> pairs_;
};

}  // namespace vmq::affinity
