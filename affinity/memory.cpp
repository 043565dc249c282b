// Memory binding by hwloc.
#include "affinity/memory.hpp"

#include "affinity/hwloc_handle.hpp"

namespace vmq::affinity {
namespace {

// Loaded once: nodes do not come and go while a program runs, and processors are not looked at here.
const HwlocTopology& machine_nodes() {
    static const HwlocTopology topology = [] {
        HwlocTopology fresh = new_hwloc_topology();
        hwloc_check(hwloc_topology_set_all_types_filter(fresh.get(), HWLOC_TYPE_FILTER_KEEP_NONE),
                    "hwloc_topology_set_all_types_filter");
        hwloc_check(hwloc_topology_load(fresh.get()), "hwloc_topology_load (are /proc and /sys mounted?)");
        return fresh;
    }();
    return topology;
}

}  // namespace

bool bind_memory(std::span<std::byte> memory, int node) {
    if (node < 0 || memory.empty()) return false;
    hwloc_topology_t topology = machine_nodes().get();
    const std::string what = "binding " + std::to_string(memory.size()) + " bytes to NUMA node " + std::to_string(node);
    const hwloc_obj_t object = hwloc_get_numanode_obj_by_os_index(topology, static_cast<unsigned>(node));
    if (object == nullptr)
        throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                                what + ": there is no such node that this process may use (see lstopo)");
    if (hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE) == 1) return false;

    // Without HWLOC_MEMBIND_STRICT this is MPOL_PREFERRED. MPOL_BIND would turn a shortage of huge pages on the
    // node into a SIGBUS at first touch.
    hwloc_check(hwloc_set_area_membind(topology, memory.data(), memory.size(), object->nodeset, HWLOC_MEMBIND_BIND,
                                       HWLOC_MEMBIND_BYNODESET),
                what);
    return true;
}

}  // namespace vmq::affinity
