// The members of the public structs, each with its name on the wire: the one list that both directions use.
#pragma once

#include <concepts>
#include <type_traits>

#include <vmq/coalescing.hpp>
#include <vmq/device_stats.hpp>
#include <vmq/filter.hpp>
#include <vmq/info.hpp>
#include <vmq/rss.hpp>
#include <vmq/stats.hpp>

namespace vmq::control {

// The struct itself, const or not.
template <typename T, typename Struct>
concept Is = std::same_as<std::remove_const_t<T>, Struct>;

// Calls visit(name, member) for every member. The structured bindings are there so that a member added to a struct and
// not to this list does not compile.

template <Is<PairInfo> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [pair, state, cpu, numa_node, thread_id, thread_cpu, rx_vector, tx_vector] = record;
    visit("pair", pair);
    visit("state", state);
    visit("cpu", cpu);
    visit("numa_node", numa_node);
    visit("thread_id", thread_id);
    visit("thread_cpu", thread_cpu);
    visit("rx_vector", rx_vector);
    visit("tx_vector", tx_vector);
}

template <Is<ReceiveMode> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [promiscuous, all_multicast, all_unicast, no_multicast, no_unicast, no_broadcast] = record;
    visit("promiscuous", promiscuous);
    visit("all_multicast", all_multicast);
    visit("all_unicast", all_unicast);
    visit("no_multicast", no_multicast);
    visit("no_unicast", no_unicast);
    visit("no_broadcast", no_broadcast);
}

template <Is<MacFilters> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [unicast, multicast] = record;
    visit("unicast", unicast);
    visit("multicast", multicast);
}

template <Is<Info> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [name, application, process_id, mac, mtu, device_mtu, link_up, speed, full_duplex, receive_mode, mac_filters,
           vlans, device_features, negotiated_features, feature_names, ring_layout, ring_size, queue_pairs,
           max_queue_pairs, device_max_queue_pairs, vectors, vector_sharing, iommu_mode, buffers_per_pair, buffer_size,
           memory_bytes, huge_pages, control_queue_usable, pairs] = record;
    visit("name", name);
    visit("application", application);
    visit("process_id", process_id);
    visit("mac", mac);
    visit("mtu", mtu);
    visit("device_mtu", device_mtu);
    visit("link_up", link_up);
    visit("speed", speed);
    visit("full_duplex", full_duplex);
    visit("receive_mode", receive_mode);
    visit("mac_filters", mac_filters);
    visit("vlans", vlans);
    visit("device_features", device_features);
    visit("negotiated_features", negotiated_features);
    visit("feature_names", feature_names);
    visit("ring_layout", ring_layout);
    visit("ring_size", ring_size);
    visit("queue_pairs", queue_pairs);
    visit("max_queue_pairs", max_queue_pairs);
    visit("device_max_queue_pairs", device_max_queue_pairs);
    visit("vectors", vectors);
    visit("vector_sharing", vector_sharing);
    visit("iommu_mode", iommu_mode);
    visit("buffers_per_pair", buffers_per_pair);
    visit("buffer_size", buffer_size);
    visit("memory_bytes", memory_bytes);
    visit("huge_pages", huge_pages);
    visit("control_queue_usable", control_queue_usable);
    visit("pairs", pairs);
}

template <Is<PairStats> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [pair, state, rx_packets, rx_bytes, rx_drops_oversized, rx_drops_short, rx_drops_bad_header, rx_lost,
           rx_refill_failures, rx_interrupts, rx_notifies, rx_handed_off, rx_taken_in, rx_faults, tx_packets, tx_bytes,
           tx_attached_bytes, tx_software_checksums, tx_software_segments, tx_relayed, tx_lost, tx_completed,
           tx_rejected, tx_ring_full, tx_interrupts, tx_notifies, tx_faults, wakeups] = record;
    visit("pair", pair);
    visit("state", state);
    visit("rx_packets", rx_packets);
    visit("rx_bytes", rx_bytes);
    visit("rx_drops_oversized", rx_drops_oversized);
    visit("rx_drops_short", rx_drops_short);
    visit("rx_drops_bad_header", rx_drops_bad_header);
    visit("rx_lost", rx_lost);
    visit("rx_refill_failures", rx_refill_failures);
    visit("rx_interrupts", rx_interrupts);
    visit("rx_notifies", rx_notifies);
    visit("rx_handed_off", rx_handed_off);
    visit("rx_taken_in", rx_taken_in);
    visit("rx_faults", rx_faults);
    visit("tx_packets", tx_packets);
    visit("tx_bytes", tx_bytes);
    visit("tx_attached_bytes", tx_attached_bytes);
    visit("tx_software_checksums", tx_software_checksums);
    visit("tx_software_segments", tx_software_segments);
    visit("tx_relayed", tx_relayed);
    visit("tx_lost", tx_lost);
    visit("tx_completed", tx_completed);
    visit("tx_rejected", tx_rejected);
    visit("tx_ring_full", tx_ring_full);
    visit("tx_interrupts", tx_interrupts);
    visit("tx_notifies", tx_notifies);
    visit("tx_faults", tx_faults);
    visit("wakeups", wakeups);
}

template <Is<Stats> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [pairs, config_changes, announcements, reconnects, resets, control_commands, control_failures] = record;
    visit("pairs", pairs);
    visit("config_changes", config_changes);
    visit("announcements", announcements);
    visit("reconnects", reconnects);
    visit("resets", resets);
    visit("control_commands", control_commands);
    visit("control_failures", control_failures);
}

template <Is<VectorStats> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [vector, owner, eventfd_sum, irq, kernel_counts, wanted_cpu, affinity, trouble, moved, elsewhere] = record;
    visit("vector", vector);
    visit("owner", owner);
    visit("eventfd_sum", eventfd_sum);
    visit("irq", irq);
    visit("kernel_counts", kernel_counts);
    visit("wanted_cpu", wanted_cpu);
    visit("affinity", affinity);
    visit("trouble", trouble);
    visit("moved", moved);
    visit("elsewhere", elsewhere);
}

template <Is<RssConfig> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [types, key, table, unclassified_pair] = record;
    visit("hash_types", types);
    visit("key", key);
    visit("table", table);
    visit("unclassified_pair", unclassified_pair);
}

template <Is<RssSettings> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [types, key, weights, table] = record;
    visit("hash_types", types);
    visit("key", key);
    visit("weights", weights);
    visit("table", table);
}

template <Is<RssLimits> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [types, key_size, table_length] = record;
    visit("hash_types", types);
    visit("key_size", key_size);
    visit("table_length", table_length);
}

template <Is<RssInfo> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [limits, settings, config] = record;
    visit("limits", limits);
    visit("settings", settings);
    visit("config", config);
}

template <Is<CoalescingLimit> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [usecs, packets] = record;
    visit("usecs", usecs);
    visit("packets", packets);
}

template <Is<Coalescing> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [receive, transmit] = record;
    visit("receive", receive);
    visit("transmit", transmit);
}

template <Is<CoalescingInfo> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [all, pairs] = record;
    visit("all", all);
    visit("pairs", pairs);
}

template <Is<DeviceCounter> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [name, value] = record;
    visit("name", name);
    visit("value", value);
}

template <Is<PairDeviceStats> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [receiveq, transmitq] = record;
    visit("receiveq", receiveq);
    visit("transmitq", transmitq);
}

template <Is<DeviceStats> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [controlq, pairs] = record;
    visit("controlq", controlq);
    visit("pairs", pairs);
}

template <Is<InterruptTable> T, typename Visit>
void each_field(T& record, Visit&& visit) {
    auto& [cpus, vectors] = record;
    visit("cpus", cpus);
    visit("vectors", vectors);
}

}  // namespace vmq::control
