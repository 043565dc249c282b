// Counters of a device and its queue pairs. All count since open and only grow.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vmq {

enum class PairState {
    active,     // the device uses the pair
    draining,   // about to be parked: it sends nothing more and hands out what was delivered
    parked,     // outside the current number of pairs
    suspended,  // the device is being reset, or its backend is away; goes on by itself
    broken,     // the device broke the ring's rules; nothing more is read from it until the device is reset
    stopped,    // the device is gone or closed
};

struct PairStats {
    unsigned pair = 0;
    PairState state = PairState::parked;

    std::uint64_t rx_packets = 0;
    std::uint64_t rx_bytes = 0;
    std::uint64_t rx_drops_oversized = 0;   // the device claimed more bytes than the buffer has
    std::uint64_t rx_drops_short = 0;       // less than a header, or nothing behind it
    std::uint64_t rx_drops_bad_header = 0;  // num_buffers 0, too large, or its tail missing
    std::uint64_t rx_lost = 0;              // delivered, not yet received when the device was reset or its backend left
    std::uint64_t rx_refill_failures = 0;   // no buffer was free for a receive descriptor
    std::uint64_t rx_interrupts = 0;        // the sum of the vector's eventfd
    std::uint64_t rx_notifies = 0;          // doorbells rung
    std::uint64_t rx_handed_off = 0;        // with Options::hand_off: of rx_packets, those of another pair's flows
    std::uint64_t rx_taken_in = 0;          // received on other pairs for this one; not in rx_packets
    std::uint64_t rx_faults = 0;            // ring rules the device broke (0 or 1 until reset)

    std::uint64_t tx_packets = 0;  // accepted by send; of one that it cut, the segments
    std::uint64_t tx_bytes = 0;
    std::uint64_t tx_attached_bytes = 0;      // of tx_bytes, those left where the application has them
    std::uint64_t tx_software_checksums = 0;  // requested, and computed here: the device does not offer it
    std::uint64_t tx_software_segments = 0;   // cut here, for the same reason
    // Accepted while draining or parked; pair 0 sends them and counts them in its tx_packets.
    std::uint64_t tx_relayed = 0;
    std::uint64_t tx_lost = 0;       // in flight when the device was reset or its backend went away
    std::uint64_t tx_completed = 0;  // taken back from the device
    // Empty, oversized, over-segmented, or with a request that makes no sense; refused before the ring was touched,
    // dropped.
    std::uint64_t tx_rejected = 0;
    std::uint64_t tx_ring_full = 0;  // sends that left packets in the batch
    std::uint64_t tx_interrupts = 0;
    std::uint64_t tx_notifies = 0;
    std::uint64_t tx_faults = 0;

    std::uint64_t wakeups = 0;  // times a sleeping wait() was woken

    [[nodiscard]] std::uint64_t drops() const noexcept {
        return rx_drops_oversized + rx_drops_short + rx_drops_bad_header + tx_rejected;
    }
};

// One MSI-X vector. `owner` is "rx-0", "tx-0", "rxtx-0", "config", "control", "config+control" or "shared".
struct VectorStats {
    unsigned vector = 0;
    std::string owner;
    std::uint64_t eventfd_sum = 0;  // interrupts as the driver counts them, those not yet read by a sleeper included
    int irq = -1;                   // Linux's number, -1 when unknown
    std::vector<std::uint64_t> kernel_counts;  // as /proc/interrupts counts them, one per entry of InterruptTable::cpus
    int wanted_cpu = -1;                       // -1: not placed
    std::string affinity;                      // /proc/irq/N/effective_affinity_list, empty when unknown
    std::string trouble;                       // why the affinity could not be set, empty when it could
    std::uint64_t moved = 0;                   // times something else moved it and it was put back
    // Interrupts that other vCPUs have handled than the one that was wanted at the time.
    std::uint64_t elsewhere = 0;
};

struct InterruptTable {
    std::vector<unsigned> cpus;  // the online vCPUs, in the kernel's order
    std::vector<VectorStats> vectors;
};

struct Stats {
    std::vector<PairStats> pairs;      // every pair up to max_queue_pairs()
    std::uint64_t config_changes = 0;  // link, MAC, MTU, speed or duplex, each time the device changed one or more
    std::uint64_t announcements = 0;   // times the device asked for one; see Options::announce
    std::uint64_t reconnects = 0;      // times a vhost-user backend was gone and the device went on with it
    std::uint64_t resets = 0;          // times the device was reset and set up again as it was
    std::uint64_t control_commands = 0;
    std::uint64_t control_failures = 0;  // refused or unanswered
};

}  // namespace vmq
