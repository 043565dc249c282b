// The machine's logical processors as plain data, restricted to what this process may use.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "affinity/cpu_set.hpp"
#include "affinity/system_files.hpp"

namespace vmq::affinity {

inline constexpr int unknown_node = -1;

struct Pu {
    CpuId cpu;
    unsigned core = 0;  // unique in the machine, not only in its package
    unsigned package = 0;
    int numa_node = unknown_node;
    bool allowed = true;
    bool isolated = false;
};

struct Topology {
    std::vector<Pu> pus;  // online ones, ascending by cpu

    [[nodiscard]] const Pu* find(CpuId cpu) const noexcept;  // null when there is no such CPU
    [[nodiscard]] CpuSet cpus() const;
    [[nodiscard]] CpuSet allowed() const;
};

// Reads this machine. `inherited` is the affinity mask this process started with; without it the calling
// thread's mask is taken, so call that form before pinning the thread. Throws std::system_error.
[[nodiscard]] Topology load_topology(const SystemPaths& paths = {});
[[nodiscard]] Topology load_topology(const CpuSet& inherited, const SystemPaths& paths = {});

// The same from an hwloc synthetic description such as "Package:2 [NUMANode] Core:4 PU:2".
[[nodiscard]] Topology topology_from_synthetic(const std::string& description,
                                               const std::optional<CpuSet>& allowed = std::nullopt,
                                               const CpuSet& isolated = {});

// What a process may use of its cpuset. `isolcpus=` takes the isolated CPUs out of the mask that every process
// inherits; a mask that lacks exactly those was narrowed by nobody, so the isolated CPUs are usable too.
[[nodiscard]] CpuSet usable_cpus(const CpuSet& cpuset, const CpuSet& inherited, const CpuSet& isolated);

// CPUs kept free of other work (/sys/devices/system/cpu/isolated); empty when there are none or it cannot be read.
[[nodiscard]] CpuSet isolated_cpus(const SystemPaths& paths = {});

// CPUs that are online (/sys/devices/system/cpu/online); empty when it cannot be read. Cheaper than a topology.
[[nodiscard]] CpuSet online_cpus(const SystemPaths& paths = {});

// NUMA node of the PCI function at `address` (0000:00:04.0), or unknown_node.
[[nodiscard]] int pci_numa_node(std::string_view address, const SystemPaths& paths = {});

}  // namespace vmq::affinity
