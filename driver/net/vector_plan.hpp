// Which MSI-X vector serves what: one for each virtqueue where there are enough, shared ones else, none at last. Pure.
#pragma once

#include <string>
#include <vector>

#include "driver/net/wake.hpp"
#include "driver/virtio/types.hpp"

namespace vmq::net {

struct VectorPlan {
    struct Pair {
        virtio::VectorIndex receive;
        virtio::VectorIndex transmit;
    };

    WaitMode mode = WaitMode::polling;
    unsigned count = 0;  // vectors to enable
    virtio::VectorIndex config;
    virtio::VectorIndex control;
    std::vector<Pair> pairs;

    [[nodiscard]] std::string sharing() const;               // "per queue", "per pair", "shared", "polling"
    [[nodiscard]] std::string owner(unsigned vector) const;  // "rx-0", "config", …
};

// The ladder for `pairs` pairs on a device with `available` vectors: 2N+2, N+2, 2 (one for all virtqueues), 1, none.
[[nodiscard]] VectorPlan plan_vectors(unsigned pairs, unsigned available);

}  // namespace vmq::net
