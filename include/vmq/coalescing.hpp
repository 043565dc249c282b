// How long a device may hold back an interrupt to make one of several. VIRTIO 1.3, 5.1.6.5.9.
#pragma once

#include <cstdint>
#include <vector>

namespace vmq {

// Of a receiveq or a transmitq: an interrupt comes `usecs` microseconds after the first packet, or with packet number
// `packets`, whichever is earlier. Either of them 0: after each packet, as it is from open on. A device may do it more
// or less often.
struct CoalescingLimit {
    std::uint32_t usecs = 0;
    std::uint32_t packets = 0;

    bool operator==(const CoalescingLimit&) const = default;
};

struct Coalescing {
    CoalescingLimit receive;
    CoalescingLimit transmit;

    bool operator==(const Coalescing&) const = default;
};

struct CoalescingInfo {
    Coalescing all;                 // as last set for all pairs
    std::vector<Coalescing> pairs;  // in force for each pair up to max_queue_pairs()
};

}  // namespace vmq
