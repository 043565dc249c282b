// One of each public struct in which every member differs from its default and from its neighbours.
#pragma once

#include <cstdint>
#include <limits>

#include <vmq/coalescing.hpp>
#include <vmq/device_stats.hpp>
#include <vmq/info.hpp>
#include <vmq/rss.hpp>
#include <vmq/stats.hpp>

namespace vmq::control {

// Above 2^53, where a double would lose the last digit.
inline constexpr std::uint64_t big = 0xfedcba9876543200;

inline Info sample_info() {
    Info info;
    info.name = "0000:00:04.0";
    info.application = "forward \"64\"\n\xc3\xa9";
    info.process_id = 4242;
    info.mac = MacAddress{0x52, 0x54, 0x00, 0x12, 0x34, 0xff};
    info.mtu = 9000;
    info.device_mtu = 9001;
    info.link_up = false;
    info.speed = 25'000;
    info.full_duplex = false;
    info.receive_mode = {false, true, true, true, true, true};
    info.mac_filters = {{{2, 0, 0, 0, 0, 1}}, {{1, 0, 0x5e, 0, 0, 1}, {0x33, 0x33, 0, 0, 0, 1}}};
    info.vlans = {1, 4094};
    info.device_features = big + 1;
    info.negotiated_features = std::numeric_limits<std::uint64_t>::max();
    info.feature_names = {"VERSION_1", "MQ"};
    info.ring_layout = "split";
    info.ring_size = 1024;
    info.queue_pairs = 3;
    info.max_queue_pairs = 4;
    info.device_max_queue_pairs = 8;
    info.vectors = 10;
    info.vector_sharing = "per queue";
    info.iommu_mode = "type1v2";
    info.buffers_per_pair = 2048;
    info.buffer_size = 4096;
    info.memory_bytes = big + 2;
    info.huge_pages = true;
    info.control_queue_usable = false;
    info.pairs.resize(2);
    info.pairs[0] = {1, PairState::active, 5, 6, 1234567, 7, 8, 9};
    info.pairs[1].pair = std::numeric_limits<unsigned>::max();
    info.pairs[1].cpu = std::numeric_limits<int>::min();
    return info;
}

inline Stats sample_stats() {
    Stats stats;
    stats.pairs = {
        {1,        PairState::active, big + 3,  big + 4,  big + 5,  big + 6,  big + 7,  big + 8,  big + 9,  big + 10,
         big + 11, big + 12,          big + 13, big + 14, big + 15, big + 16, big + 17, big + 18, big + 19, big + 20,
         big + 28, big + 29,          big + 31, big + 32, big + 33, big + 34, big + 35, big + 36},
        {}};
    for (const PairState state :
         {PairState::draining, PairState::parked, PairState::suspended, PairState::broken, PairState::stopped})
        stats.pairs.emplace_back().state = state;
    stats.config_changes = big + 21;
    stats.announcements = big + 34;
    stats.reconnects = big + 30;
    stats.resets = big + 31;
    stats.control_commands = big + 22;
    stats.control_failures = big + 23;
    return stats;
}

inline InterruptTable sample_interrupts() {
    InterruptTable table;
    table.cpus = {0, 2, 3};
    table.vectors = {
        {1, "rx-0", big + 24, 33, {big + 25, 0, big + 26}, 2, "2", "EIO from smp_affinity_list", big + 27, big + 28},
        {}};
    return table;
}

inline RssInfo sample_rss() {
    return {.limits = {.hash_types = 0xffffffff, .key_size = 40, .table_length = 128},
            .settings = {.hash_types = 5, .key = {0, 255}, .weights = {7, 0, 9}, .table = {1, 65535}},
            .config = {.hash_types = 6, .key = {1}, .table = {0, 3}, .unclassified_pair = 2}};
}

inline CoalescingInfo sample_coalescing() {
    return {.all = {.receive = {1, 2}, .transmit = {3, 0xffffffff}}, .pairs = {{{5, 6}, {7, 8}}, {}}};
}

inline DeviceStats sample_device_stats() {
    return {.controlq = {{"command_num", big + 35}}, .pairs = {{{{"rx_packets", 1}}, {{"tx_packets", 2}}}, {}}};
}

}  // namespace vmq::control
