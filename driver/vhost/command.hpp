// What a frontend tells a backend: requests that are answered with success or failure only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "driver/vhost/protocol.hpp"
#include "driver/virtio/queue_config.hpp"

namespace vmq::vhost {

// The descriptors stay the caller's.
struct Command {
    Request request{};
    std::vector<std::byte> payload{};
    std::vector<int> descriptors{};
};

// A region of shared memory as the backend is told about it.
struct SharedRegion {
    int fd = -1;
    MemoryRegion region{};
};

[[nodiscard]] Command with_number(Request request, std::uint64_t number);

// The whole memory at once, max_regions at most; or one region more.
[[nodiscard]] Command set_mem_table(std::span<const SharedRegion> regions);
[[nodiscard]] Command add_mem_reg(const SharedRegion& region);

[[nodiscard]] Command set_vring_enable(unsigned vring, bool enabled);

// All that a backend must know of a vring before it may be enabled: size, where it begins, addresses, and the eventfds,
// of which `call` is -1 where the driver polls.
[[nodiscard]] std::vector<Command> set_vring(const virtio::QueueConfig& config, unsigned vring, bool packed, int kick,
                                             int call);

}  // namespace vmq::vhost
