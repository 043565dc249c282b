// An owned hwloc topology. Included by affinity's .cpp files only, so that hwloc stays inside the box.
#pragma once

#include <cerrno>
#include <memory>
#include <string>
#include <system_error>

#include <hwloc.h>

namespace vmq::affinity {

struct HwlocDelete {
    void operator()(hwloc_topology_t topology) const noexcept { hwloc_topology_destroy(topology); }
};
using HwlocTopology = std::unique_ptr<hwloc_topology, HwlocDelete>;

// hwloc returns -1 and, as a rule, sets errno.
inline void hwloc_check(int result, const std::string& what) {
    if (result < 0) throw std::system_error(errno != 0 ? errno : EIO, std::system_category(), what);
}

inline HwlocTopology new_hwloc_topology() {
    hwloc_topology_t raw = nullptr;
    hwloc_check(hwloc_topology_init(&raw), "hwloc_topology_init");
    return HwlocTopology(raw);
}

}  // namespace vmq::affinity
