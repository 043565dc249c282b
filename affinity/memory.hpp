// Binding memory to a NUMA node.
#pragma once

#include <cstddef>
#include <span>

namespace vmq::affinity {

// Asks that the pages of `memory` come from `node`; call before they are touched, with a whole mapping. The node
// is preferred, not forced: when it runs out the pages come from another one and nothing fails later.
// True when bound; false when there is nothing to do (one node, or node unknown). Throws std::system_error when
// there is no such node or the kernel refuses.
bool bind_memory(std::span<std::byte> memory, int node);

}  // namespace vmq::affinity
