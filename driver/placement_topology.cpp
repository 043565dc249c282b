// What include/vmq/topology.hpp promises, from affinity's view of the machine.
#include <vmq/topology.hpp>

#include "affinity/topology.hpp"

namespace vmq {

std::vector<Processor> processors() {
    std::vector<Processor> all;
    for (const affinity::Pu& pu : affinity::load_topology().pus)
        all.push_back({pu.cpu.value, pu.core, pu.package, pu.numa_node, pu.isolated});
    return all;
}

}  // namespace vmq
