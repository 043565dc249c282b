// The order in which pairs take vCPUs.
#include "affinity/placement.hpp"

#include <algorithm>
#include <map>
#include <system_error>
#include <tuple>

namespace vmq::affinity {
namespace {

[[noreturn]] void refuse(const std::string& text) {
    throw std::system_error(std::make_error_code(std::errc::invalid_argument), "placement: " + text);
}

std::vector<const Pu*> allowed_pus(const Topology& topology) {
    std::vector<const Pu*> pus;
    for (const Pu& pu : topology.pus)
        if (pu.allowed) pus.push_back(&pu);
    return pus;
}

// For each PU its place among the allowed ones of its core: 0 until every core has one pair, then 1, and so on.
std::map<CpuId, unsigned> turns_on_core(std::vector<const Pu*> pus, std::optional<CpuId> control_cpu) {
    std::ranges::sort(pus, {},
                      [&](const Pu* pu) { return std::tuple(!pu->isolated, pu->cpu == control_cpu, pu->cpu); });
    std::map<unsigned, unsigned> taken;
    std::map<CpuId, unsigned> turns;
    for (const Pu* pu : pus) turns[pu->cpu] = taken[pu->core]++;
    return turns;
}

std::vector<CpuId> automatic_order(const Topology& topology, const PlacementRequest& request) {
    std::vector<const Pu*> pus = allowed_pus(topology);
    if (pus.empty())
        refuse("this process may use none of the CPUs \"" + topology.cpus().to_string() +
               "\"; widen its cgroup's cpuset or its affinity mask (taskset)");

    const Pu* const control = request.control_cpu ? topology.find(*request.control_cpu) : nullptr;
    const auto turns = turns_on_core(pus, request.control_cpu);
    std::ranges::sort(pus, {}, [&](const Pu* pu) {
        const bool far = pu->numa_node != request.device_node;
        const bool beside_control = control != nullptr && control->core == pu->core;
        return std::tuple(!pu->isolated, turns.at(pu->cpu), far, beside_control, pu->numa_node, pu->core, pu->cpu);
    });

    std::vector<CpuId> order;
    for (const Pu* pu : pus) order.push_back(pu->cpu);
    return order;
}

std::vector<CpuId> listed_order(const Topology& topology, const std::string& list) {
    const std::vector<CpuId> order = parse_cpu_list(list);
    const std::string usable = "\"" + topology.allowed().to_string() + "\"";
    if (order.empty()) refuse("the CPU list is blank; name CPUs out of " + usable);
    for (const CpuId cpu : order) {
        const Pu* const pu = topology.find(cpu);
        const std::string what = "CPU " + std::to_string(cpu.value) + " of the list \"" + list + "\" ";
        if (pu == nullptr) refuse(what + "does not exist or is offline; name CPUs out of " + usable);
        if (!pu->allowed)
            refuse(what +
                   "is not allowed to this process; widen its cgroup's cpuset or its affinity mask (taskset), "
                   "or name CPUs out of " +
                   usable);
    }
    return order;
}

}  // namespace

std::vector<PairPlacement> place(const Topology& topology, const PlacementRequest& request) {
    if (request.policy == PlacementPolicy::none) return {};
    const std::vector<CpuId> order =
        request.cpus.empty() ? automatic_order(topology, request) : listed_order(topology, request.cpus);
    std::vector<PairPlacement> placements;
    for (unsigned pair = 0; pair < request.pairs; ++pair) {
        const CpuId cpu = order[pair % order.size()];
        placements.push_back({pair, cpu, topology.find(cpu)->numa_node});
    }
    return placements;
}

std::vector<CpuId> alternatives(const Topology& topology, CpuId cpu) {
    const Pu* const wanted = topology.find(cpu);
    if (wanted == nullptr) return {};
    std::vector<const Pu*> others = allowed_pus(topology);
    std::erase_if(others, [&](const Pu* pu) { return pu == wanted || pu->numa_node != wanted->numa_node; });
    std::ranges::sort(others, {}, [&](const Pu* pu) {
        return std::tuple(pu->core != wanted->core, pu->package != wanted->package, pu->cpu < cpu, pu->cpu);
    });
    std::vector<CpuId> cpus;
    for (const Pu* pu : others) cpus.push_back(pu->cpu);
    return cpus;
}

}  // namespace vmq::affinity
