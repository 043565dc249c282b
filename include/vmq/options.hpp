// How a device is opened. The defaults just work.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vmq {

enum class LogLevel { debug, info, warning, error };

enum class PlacementPolicy {
    automatic,  // near the device, one pair per core before hyper-threads are doubled
    none,       // neither threads nor vectors are placed
};

enum class HugePages { preferred, required, never };

enum class Mode {
    interrupts,  // wait() sleeps on the pair's MSI-X vector
    poll,        // no vectors are asked for; wait() looks at the ring from time to time
};

struct Options {
    // Queue pairs to use; 0: as many as device, allowed vCPUs and vectors allow. They can be changed later up to
    // max_queue_pairs().
    unsigned queue_pairs = 0;
    // Descriptors per virtqueue, a power of two; 0: the device's own size, at most 1,024. A legacy device's virtqueues
    // have the size that it gives them, whatever stands here (the log says so).
    std::uint16_t ring_size = 0;
    // Packet buffers of each pair, for receiving and sending together; at least two rings and a batch. 0: 2,048, or
    // four rings where that is more.
    unsigned buffers_per_pair = 0;
    // Bytes of a packet buffer, headroom included, a multiple of 64; 0: 1,984, or what a whole packet of the MTU needs
    // where the device cannot spread a packet over several buffers.
    unsigned buffer_size = 0;
    // Bytes of payload behind the Ethernet header, at most the device's; 0: the device's, or 1,500 where it tells none.
    // Bounds what is sent: as long as MTU is negotiated, buffers hold what the device's allows (5.1.4.2).
    unsigned mtu = 0;

    PlacementPolicy placement = PlacementPolicy::automatic;
    // The vCPUs to use, in the order of the pairs: "0-3,8". Empty: chosen by the policy.
    std::string cpus;
    // Pin the thread that takes a pair to the pair's vCPU, also when that changes or something else has moved the
    // thread.
    bool pin_threads = true;
    HugePages huge_pages = HugePages::preferred;
    // Drive a device that no IOMMU keeps from the rest of this machine's memory: in vfio's no-IOMMU mode, or one that
    // goes around the IOMMU because it does not offer ACCESS_PLATFORM. A faulty or hostile device, or a driver's error,
    // can then write anywhere. Needs root and huge pages; Info::iommu_mode says what is so. Without it such a device is
    // refused, and with it one that the IOMMU does keep in is protected all the same.
    bool no_iommu = false;
    Mode mode = Mode::interrupts;
    // What the device may do with packets before it delivers them, where it offers that; Packet::checksum and
    // Packet::offload tell what it did. Coalescing brings receive_checksum with it, and packets of up to 64 KiB: in
    // several segments where the device has MRG_RXBUF; else every buffer holds such a packet, which takes 128 MiB a
    // pair unless buffers_per_pair says fewer than 2,048. Device::set_receive_offloads switches both while packets
    // flow.
    bool receive_checksum = false;
    bool receive_coalescing = false;
    // Features to refuse, by the specification's name: "EVENT_IDX", "MRG_RXBUF".
    std::vector<std::string> refused_features;

    // Where mqctl and mqstat find this device: empty for the default, /run/vmq/<address>.sock; std::nullopt for none.
    // Its file has mode 0660: the group may read; changes are taken from root and from the user of this process only.
    std::optional<std::string> control_socket = "";
    // How long the device may take for a command, and a queue pair's thread for calling in.
    std::chrono::milliseconds command_deadline{1000};
    // vhost-user in server mode: how long open waits for the backend to connect.
    std::chrono::milliseconds connect_deadline{10'000};
    // How long set_queue_pairs may wait, when it takes pairs away, until nothing more arrives on them. Linux's tap
    // moves a flow when it sees it transmitted on another queue, and throws away what is queued for one that goes; so
    // the leaving pairs' packets go out through pair 0 first, and the command follows when they have been silent for a
    // moment. 0: do not wait.
    std::chrono::milliseconds settle_limit{1500};
    // Where the device does not steer by a hash (RSS): every flow belongs to one of the pairs in use, by a symmetric
    // hash of its addresses and ports, and recv hands packets that arrive on another pair to that one. Costs a look at
    // every packet's headers. Device::rss tells the table, set_rss changes it.
    bool hand_off = false;
    // Called from the control thread when the device asks its driver to tell the network where it is now, usually after
    // a live migration (GUEST_ANNOUNCE; VIRTIO 1.3, 5.1.6.5.4). The library has then sent a RARP packet with the
    // device's MAC, untagged, through pair 0; a program with IP addresses sends gratuitous ARPs for them.
    std::function<void()> announce;
    // Called from the opening thread and from the control thread, never from send, recv or wait.
    std::function<void(LogLevel, std::string_view)> log;
};

}  // namespace vmq
