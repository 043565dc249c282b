// The order in which pairs take vCPUs, and who takes whose place.
#include "affinity/placement.hpp"

#include <algorithm>
#include <map>
#include <system_error>
#include <tuple>
#include <utility>

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

// The other CPUs, the nearest first: the same core's, then the same package's, then the same node's.
std::vector<const Pu*> by_distance(const Topology& topology, const Pu& from) {
    std::vector<const Pu*> others;
    for (const Pu& pu : topology.pus)
        if (pu.cpu != from.cpu) others.push_back(&pu);
    std::ranges::sort(others, {}, [&](const Pu* pu) {
        return std::tuple(pu->numa_node != from.numa_node, pu->package != from.package, pu->core != from.core,
                          pu->cpu < from.cpu, pu->cpu);
    });
    return others;
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
    std::vector<CpuId> cpus;
    for (const Pu* pu : by_distance(topology, *wanted))
        if (pu->allowed && pu->numa_node == wanted->numa_node) cpus.push_back(pu->cpu);
    return cpus;
}

Placement::Placement(const Topology& topology, PlacementRequest request)
    : request_(std::move(request)), pairs_(place(topology, request_)) {
    for (const PairPlacement& pair : pairs_) homes_.push_back(pair.cpu);
    meet(topology);
}

std::vector<PairMove> Placement::follow(const Topology& topology, unsigned active) {
    if (pairs_.empty()) return {};
    const std::size_t known = known_.size();
    meet(topology);
    if (known_.size() > known && request_.cpus.empty()) share_homes();

    const CpuSet usable = candidates(topology);
    if (usable.empty()) return {};
    const std::vector<CpuId> cpus = choose(usable, active);
    std::vector<PairMove> moves;
    for (PairPlacement& pair : pairs_) {
        const CpuId to = cpus[pair.pair];
        if (to != pair.cpu) moves.push_back({pair.pair, pair.cpu, to});
        pair = {pair.pair, to, topology.find(to)->numa_node};
    }
    return moves;
}

// Who is near whom is written down while a CPU is there: hwloc numbers cores and packages anew when one goes.
void Placement::meet(const Topology& topology) {
    if (topology.allowed().empty() || pairs_.empty()) return;
    for (const CpuId cpu : automatic_order(topology, request_)) {
        if (neighbours_.contains(cpu)) continue;
        known_.push_back(cpu);
        std::vector<CpuId>& nearest = neighbours_[cpu];
        for (const Pu* pu : by_distance(topology, *topology.find(cpu))) nearest.push_back(pu->cpu);
    }
}

// Gives new CPUs the pairs that share one, those first which come into use first, until none has two more than another.
void Placement::share_homes() {
    std::map<CpuId, unsigned> load;
    for (const CpuId home : homes_) ++load[home];
    for (;;) {
        const CpuId least = *std::ranges::min_element(known_, {}, [&](CpuId cpu) { return load[cpu]; });
        const CpuId most = *std::ranges::max_element(known_, {}, [&](CpuId cpu) { return load[cpu]; });
        if (load[most] < load[least] + 2) return;
        CpuSet first_seen;
        const auto doubled = std::ranges::find_if(homes_, [&](CpuId home) {
            if (load[home] < load[most]) return false;
            if (first_seen.contains(home)) return true;
            first_seen.insert(home);
            return false;
        });
        --load[*doubled];
        ++load[least];
        *doubled = least;
    }
}

CpuSet Placement::candidates(const Topology& topology) const {
    const CpuSet usable = topology.allowed();
    if (request_.cpus.empty()) return usable;
    const CpuSet listed = usable & CpuSet::parse(request_.cpus);
    return listed.empty() ? usable : listed;
}

std::vector<CpuId> Placement::choose(const CpuSet& usable, unsigned active) const {
    struct Load {
        unsigned active = 0;
        unsigned all = 0;
    };
    std::map<CpuId, Load> loads;
    std::vector<CpuId> cpus = homes_;
    const auto settle = [&](std::size_t pair) {
        Load& load = loads[cpus[pair]];
        ++load.all;
        if (pair < active) ++load.active;
    };
    for (std::size_t pair = 0; pair < homes_.size(); ++pair)
        if (usable.contains(homes_[pair])) settle(pair);
    for (std::size_t pair = 0; pair < homes_.size(); ++pair) {
        if (usable.contains(homes_[pair])) continue;
        const std::vector<CpuId> choice = usable.to_vector();
        cpus[pair] = *std::ranges::min_element(choice, {}, [&](CpuId cpu) {
            const Load load = loads[cpu];
            return std::tuple(pair < active ? load.active : load.all, cpu != pairs_[pair].cpu, load.all,
                              distance(homes_[pair], cpu), cpu);
        });
        settle(pair);
    }
    return cpus;
}

// A CPU that was not there yet when `from` was first seen is behind all others.
std::size_t Placement::distance(CpuId from, CpuId to) const {
    const auto known = neighbours_.find(from);
    if (known == neighbours_.end()) return 0;
    return static_cast<std::size_t>(std::ranges::find(known->second, to) - known->second.begin());
}

}  // namespace vmq::affinity
