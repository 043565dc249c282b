// Turning hwloc's tree into a list of processors.
#include "affinity/topology.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "affinity/hwloc_handle.hpp"
#include "affinity/thread.hpp"

namespace vmq::affinity {
namespace {

CpuSet from_bitmap(hwloc_const_bitmap_t bitmap) {
    CpuSet cpus;
    for (int cpu = hwloc_bitmap_first(bitmap); cpu >= 0; cpu = hwloc_bitmap_next(bitmap, cpu))
        cpus.insert(CpuId{static_cast<unsigned>(cpu)});
    return cpus;
}

// Numbers the objects of one type in the order in which their PUs come. hwloc's own logical index counts each depth
// anew, and a core that has lost a thread may be at another depth than the rest.
class Numbers {
public:
    explicit Numbers(hwloc_obj_type_t type) : type_(type) {}

    // A type the machine does not have (a virtual machine may show no cores) falls back on `otherwise`.
    unsigned of(hwloc_topology_t topology, hwloc_obj_t pu, hwloc_obj_t otherwise) {
        const hwloc_obj_t ancestor = hwloc_get_ancestor_obj_by_type(topology, type_, pu);
        const auto number = static_cast<unsigned>(numbers_.size());
        return numbers_.try_emplace(ancestor != nullptr ? ancestor : otherwise, number).first->second;
    }

private:
    hwloc_obj_type_t type_;
    std::map<hwloc_obj_t, unsigned> numbers_;
};

std::vector<Pu> list_pus(hwloc_topology_t topology) {
    std::vector<Pu> pus;
    Numbers cores(HWLOC_OBJ_CORE);
    Numbers packages(HWLOC_OBJ_PACKAGE);
    for (hwloc_obj_t obj = nullptr; (obj = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, obj)) != nullptr;) {
        Pu pu;
        pu.cpu = CpuId{obj->os_index};
        pu.core = cores.of(topology, obj, obj);
        pu.package = packages.of(topology, obj, nullptr);
        // The first of several nodes (main memory beside high-bandwidth memory) is the main one.
        pu.numa_node = obj->nodeset != nullptr ? hwloc_bitmap_first(obj->nodeset) : unknown_node;
        pus.push_back(pu);
    }
    std::ranges::sort(pus, {}, &Pu::cpu);
    return pus;
}

void mark(std::vector<Pu>& pus, const CpuSet& allowed, const CpuSet& isolated) {
    for (Pu& pu : pus) {
        pu.allowed = allowed.contains(pu.cpu);
        pu.isolated = isolated.contains(pu.cpu);
    }
}

CpuSet cpu_list(const SystemPaths& paths, const char* name) {
    std::error_code error;
    const std::string text = read_text(paths.sys / "devices/system/cpu" / name, error);
    return error ? CpuSet{} : CpuSet::parse(text);
}

}  // namespace

const Pu* Topology::find(CpuId cpu) const noexcept {
    const auto at = std::ranges::lower_bound(pus, cpu, {}, &Pu::cpu);
    return at != pus.end() && at->cpu == cpu ? &*at : nullptr;
}

CpuSet Topology::cpus() const {
    CpuSet all;
    for (const Pu& pu : pus) all.insert(pu.cpu);
    return all;
}

CpuSet Topology::allowed() const {
    CpuSet usable;
    for (const Pu& pu : pus)
        if (pu.allowed) usable.insert(pu.cpu);
    return usable;
}

Topology load_topology(const SystemPaths& paths) { return load_topology(thread_affinity(), paths); }

Topology load_topology(const CpuSet& inherited, const SystemPaths& paths) {
    const HwlocTopology hwloc = new_hwloc_topology();
    // With the disallowed ones in the list, an explicit request for one of them can be told what is wrong with it.
    // Left to itself hwloc visits every CPU, and then gives the thread a mask that lacks those that are offline now.
    hwloc_check(hwloc_topology_set_flags(
                    hwloc.get(), HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED | HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING),
                "hwloc_topology_set_flags INCLUDE_DISALLOWED, DONT_CHANGE_BINDING");
    hwloc_check(hwloc_topology_load(hwloc.get()), "hwloc_topology_load of this machine (are /proc and /sys mounted?)");
    const CpuSet isolated = isolated_cpus(paths);
    const CpuSet cpuset = from_bitmap(hwloc_topology_get_allowed_cpuset(hwloc.get()));
    Topology topology{list_pus(hwloc.get())};
    mark(topology.pus, usable_cpus(cpuset, inherited, isolated), isolated);
    return topology;
}

Topology topology_from_synthetic(const std::string& description, const std::optional<CpuSet>& allowed,
                                 const CpuSet& isolated) {
    const HwlocTopology hwloc = new_hwloc_topology();
    hwloc_check(hwloc_topology_set_synthetic(hwloc.get(), description.c_str()),
                "hwloc_topology_set_synthetic \"" + description + '"');
    hwloc_check(hwloc_topology_load(hwloc.get()), "hwloc_topology_load \"" + description + '"');
    Topology topology{list_pus(hwloc.get())};
    mark(topology.pus, allowed.value_or(topology.cpus()), isolated);
    return topology;
}

CpuSet usable_cpus(const CpuSet& cpuset, const CpuSet& inherited, const CpuSet& isolated) {
    if (inherited == cpuset - isolated) return cpuset;
    return cpuset & inherited;
}

CpuSet isolated_cpus(const SystemPaths& paths) { return cpu_list(paths, "isolated"); }

CpuSet online_cpus(const SystemPaths& paths) { return cpu_list(paths, "online"); }

int pci_numa_node(std::string_view address, const SystemPaths& paths) {
    std::error_code error;
    const std::string text = read_text(paths.pci_device(address) / "numa_node", error);
    int node = unknown_node;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), node);
    return !error && failure == std::errc{} && node >= 0 ? node : unknown_node;
}

}  // namespace vmq::affinity
