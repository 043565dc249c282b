// What a device is and how it is set up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <vmq/export.hpp>
#include <vmq/filter.hpp>
#include <vmq/stats.hpp>

namespace vmq {

[[nodiscard]] VMQ_EXPORT std::string to_string(const MacAddress& mac);  // "52:54:00:12:34:56"

struct PairInfo {
    unsigned pair = 0;
    PairState state = PairState::parked;
    int cpu = -1;         // the vCPU the pair was placed on, -1: not placed
    int numa_node = -1;   // of its memory, -1: anywhere
    int thread_id = 0;    // Linux's id of the owning thread, 0: nobody has taken the pair
    int thread_cpu = -1;  // where that thread is pinned, -1: not pinned
    int rx_vector = -1;   // -1: polled
    int tx_vector = -1;
};

struct Info {
    std::string name;         // PCI address, or "vhost-user:/path"
    std::string application;  // comm of the process that drives it
    int process_id = 0;
    std::optional<MacAddress> mac;  // where the device tells it
    unsigned mtu = 1500;            // bytes of payload behind the Ethernet header
    unsigned device_mtu = 1500;     // the device's; one that changes it while it runs is believed at the next open
    bool link_up = true;
    std::optional<unsigned> speed{};    // Mbit/s, where the device knows it
    std::optional<bool> full_duplex{};  // likewise
    ReceiveMode receive_mode{};
    MacFilters mac_filters{};
    std::vector<std::uint16_t> vlans{};  // see Device::add_vlan
    std::uint64_t device_features = 0;   // offered
    std::uint64_t negotiated_features = 0;
    std::vector<std::string> feature_names;  // of the negotiated ones
    std::string ring_layout;                 // "split" or "packed"
    unsigned ring_size = 0;
    unsigned queue_pairs = 0;
    unsigned max_queue_pairs = 0;         // what set_queue_pairs accepts
    unsigned device_max_queue_pairs = 0;  // max_virtqueue_pairs
    unsigned vectors = 0;
    std::string vector_sharing;  // "per queue", "per pair", "shared" or "polling"
    // "type1v2": the device reaches only mapped memory. Anything else says what protects and what does not, the short
    // form of it before a colon: "no-IOMMU: …", "physical addresses: …".
    std::string iommu_mode;
    unsigned buffers_per_pair = 0;
    unsigned buffer_size = 0;
    std::uint64_t memory_bytes = 0;  // mapped for the device
    bool huge_pages = false;
    bool control_queue_usable = true;
    std::vector<PairInfo> pairs;
};

}  // namespace vmq
