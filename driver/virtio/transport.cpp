// What only some transports can do.
#include "driver/virtio/transport.hpp"

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"

namespace vmq::virtio {

std::vector<DmaBlock> Transport::allocate_array(const support::MemoryNeed& need) {
    return {allocate(need.bytes(), need.numa_node)};
}

DmaBlock Transport::map_memory(std::span<std::byte> memory) {
    support::fail(Errc::unsupported,
                  name() + ": registering " + std::to_string(memory.size()) + " bytes of the application's memory",
                  "its backend reaches only memory that was allocated for it; copy into packets that allocate gives");
}

}  // namespace vmq::virtio
