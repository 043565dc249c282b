// What the device itself counts. VIRTIO 1.3, 5.1.6.5.10.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vmq {

// Named as in the specification: "rx_drop_overruns". Counts from when the device likes, and wraps around to 0.
struct DeviceCounter {
    std::string name;
    std::uint64_t value = 0;

    bool operator==(const DeviceCounter&) const = default;
};

struct PairDeviceStats {
    std::vector<DeviceCounter> receiveq;
    std::vector<DeviceCounter> transmitq;
};

// Only the counters that the device has.
struct DeviceStats {
    std::vector<DeviceCounter> controlq;
    std::vector<PairDeviceStats> pairs;  // each pair up to max_queue_pairs()
};

}  // namespace vmq
