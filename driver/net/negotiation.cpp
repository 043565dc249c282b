// What driver and device agree on before the first virtqueue.
#include "driver/net/negotiation.hpp"

#include <string>

#include <vmq/error.hpp>

#include "driver/net/rss.hpp"
#include "driver/support/errors.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::net {

using virtio::Feature;
using virtio::FeatureSet;

namespace {

constexpr FeatureSet supported{Feature::mtu,
                               Feature::mac,
                               Feature::mrg_rxbuf,
                               Feature::status,
                               Feature::ctrl_vq,
                               Feature::mq,
                               Feature::event_idx,
                               Feature::indirect_desc,
                               Feature::ring_packed,
                               Feature::in_order,
                               Feature::version_1,
                               Feature::access_platform,
                               Feature::rss,
                               Feature::hash_report,
                               Feature::ctrl_rx,
                               Feature::ctrl_rx_extra,
                               Feature::ctrl_mac_addr,
                               Feature::ctrl_vlan,
                               Feature::guest_announce,
                               Feature::notf_coal,
                               Feature::vq_notf_coal,
                               Feature::device_stats,
                               Feature::speed_duplex,
                               Feature::ring_reset,
                               Feature::order_platform,
                               Feature::notification_data,
                               Feature::notif_config_data};

// They let packets be sent with requests, and change nothing for the others. 5.1.6.2.1 wants GUEST_HDRLEN accepted by a
// driver that knows the headers' length.
constexpr FeatureSet send_offloads{Feature::csum,     Feature::host_tso4, Feature::host_tso6,
                                   Feature::host_ecn, Feature::host_uso,  Feature::guest_hdrlen};

std::uint16_t read_u16(virtio::Transport& transport, std::size_t offset) {
    support::le16 value;
    transport.read_config(offset, std::as_writable_bytes(std::span{&value, 1}));
    return value.value();
}

// 5.1.4.1: 1 to 0x8000.
bool is_pair_count(unsigned pairs) { return pairs >= virtio::vq_pairs_min && pairs <= virtio::vq_pairs_max; }

bool pair_count_is_sound(virtio::Transport& transport, const Options& options) {
    const unsigned pairs = read_u16(transport, virtio::net_config::max_virtqueue_pairs);
    if (is_pair_count(pairs)) return true;
    if (options.log) {
        options.log(LogLevel::warning, transport.name() + ": the device claims max_virtqueue_pairs " +
                                           std::to_string(pairs) + "; one pair is used");
    }
    return false;
}

bool hashes(FeatureSet features) { return features.has(Feature::rss) || features.has(Feature::hash_report); }

// Without what hashing needs: commands that only a control virtqueue carries, and limits that make sense.
FeatureSet without_unsound_hashing(virtio::Transport& transport, FeatureSet features, const Options& options) {
    if (!hashes(features)) return features;
    const bool has_commands = transport.control_path() == nullptr;
    if (has_commands && read_rss_limits(transport, features.has(Feature::rss))) return features;
    if (has_commands && options.log)
        options.log(LogLevel::warning,
                    transport.name() + ": the device's limits for RSS make no sense; it is not used");
    features.remove(Feature::rss);
    features.remove(Feature::hash_report);
    return features;
}

// 6.3: a legacy device's, to be accepted where it is offered. Without it header and packet have descriptors of their
// own, for which there is one way: a packet in one buffer, and no indirect descriptors.
FeatureSet without_free_framing(FeatureSet features) {
    if (features.has(Feature::any_layout)) return features;
    features.remove(Feature::mrg_rxbuf);
    features.remove(Feature::indirect_desc);
    return features;
}

// They change what arrives: only when asked for.
FeatureSet wanted_receive_offloads(virtio::Transport& transport, const Options& options) {
    FeatureSet wanted;
    if (options.receive_checksum || options.receive_coalescing) {
        wanted.add(Feature::guest_csum);
        if (transport.control_path() == nullptr) wanted.add(Feature::ctrl_guest_offloads);
    }
    return options.receive_coalescing ? wanted | receive_coalescing : wanted;
}

}  // namespace

FeatureSet choose_features(virtio::Transport& transport, FeatureSet offered, const Options& options) {
    FeatureSet known = supported | send_offloads | wanted_receive_offloads(transport, options);
    if (transport.is_legacy()) known.add(Feature::any_layout);
    FeatureSet features = offered & known;
    for (const std::string& name : options.refused_features) features.remove(virtio::parse_feature(name));
    if (transport.is_legacy()) features = without_free_framing(features);
    features = virtio::without_orphans(features);
    if (features.has(Feature::mq) && !pair_count_is_sound(transport, options)) features.remove(Feature::mq);
    if (!features.has(Feature::mq)) features.remove(Feature::rss);  // nothing to choose between
    if (!transport.resets_queues()) features.remove(Feature::ring_reset);
    return without_unsound_hashing(transport, features, options);
}

HeaderForm header_form(FeatureSet features) noexcept {
    if (features.has(Feature::hash_report)) return {hash_header_size};
    if (features.has(Feature::version_1)) return {plain_header_size};
    return {features.has(Feature::mrg_rxbuf) ? plain_header_size : legacy_header_size,
            !features.has(Feature::any_layout)};
}

NetConfig read_net_config(virtio::Transport& transport, FeatureSet features) {
    NetConfig config;
    if (features.has(Feature::mtu)) {
        config.mtu = read_u16(transport, virtio::net_config::mtu);
        // 5.1.4.1: 68 to 65535.
        config.device_mtu = config.mtu;
        if (config.mtu < 68) support::fail(Errc::bad_device, transport.name() + ": mtu " + std::to_string(config.mtu));
    }
    // What choose_features found sound may have changed since.
    if (features.has(Feature::mq)) {
        config.max_queue_pairs = read_u16(transport, virtio::net_config::max_virtqueue_pairs);
        if (!is_pair_count(config.max_queue_pairs)) {
            support::fail(Errc::bad_device,
                          transport.name() + ": max_virtqueue_pairs " + std::to_string(config.max_queue_pairs));
        }
    }
    if (hashes(features)) {
        config.rss = read_rss_limits(transport, features.has(Feature::rss));
        if (!config.rss) support::fail(Errc::bad_device, transport.name() + ": its limits for RSS make no sense");
    }
    // Only now: QEMU shows the virtqueues of the further pairs once MQ is negotiated.
    const unsigned queues = transport.queue_count();
    const bool control_queue = features.has(Feature::ctrl_vq) && transport.control_path() == nullptr;
    const unsigned needed = 2u * config.max_queue_pairs + (control_queue ? 1 : 0);
    if (queues < needed) {
        support::fail(Errc::bad_device, transport.name() + ": " + std::to_string(queues) +
                                            " virtqueues for max_virtqueue_pairs " +
                                            std::to_string(config.max_queue_pairs));
    }
    return config;
}

}  // namespace vmq::net
