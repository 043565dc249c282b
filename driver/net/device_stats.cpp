// The counters that a device has of its own. VIRTIO 1.3, 5.1.6.5.10.
#include "driver/net/device_stats.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <vmq/error.hpp>

#include "driver/net/net_device.hpp"
#include "driver/support/errors.hpp"

namespace vmq::net {

using virtio::Feature;
using virtio::FeatureSet;
using virtio::StatsReplyHeader;
namespace types_of = virtio::stats_type;

namespace {

struct Group {
    std::uint8_t type;
    QueueKind kind;
    FeatureSet any_of;                 // one of them must be negotiated; empty: none needs to be
    std::array<const char*, 6> names;  // in the order of the answer

    [[nodiscard]] std::size_t count() const {
        return static_cast<std::size_t>(std::ranges::count_if(names, [](const char* name) { return name != nullptr; }));
    }
    [[nodiscard]] std::size_t size() const { return sizeof(StatsReplyHeader) + count() * sizeof(virtio::le64); }
};

constexpr FeatureSet none{};
constexpr FeatureSet receive_gso{Feature::guest_tso4, Feature::guest_tso6};
constexpr FeatureSet transmit_gso{Feature::host_tso4, Feature::host_tso6, Feature::host_uso};

constexpr std::array groups{
    Group{types_of::rx_basic,
          QueueKind::receiveq,
          none,
          {"rx_notifications", "rx_packets", "rx_bytes", "rx_interrupts", "rx_drops", "rx_drop_overruns"}},
    Group{types_of::rx_csum,
          QueueKind::receiveq,
          FeatureSet{Feature::guest_csum},
          {"rx_csum_valid", "rx_needs_csum", "rx_csum_none", "rx_csum_bad"}},
    Group{types_of::rx_gso,
          QueueKind::receiveq,
          receive_gso,
          {"rx_gso_packets", "rx_gso_bytes", "rx_gso_packets_coalesced", "rx_gso_bytes_coalesced"}},
    Group{types_of::rx_speed,
          QueueKind::receiveq,
          none,
          {"rx_packets_allowance_exceeded", "rx_bytes_allowance_exceeded"}},
    Group{types_of::tx_basic,
          QueueKind::transmitq,
          none,
          {"tx_notifications", "tx_packets", "tx_bytes", "tx_interrupts", "tx_drops", "tx_drop_malformed"}},
    Group{types_of::tx_csum, QueueKind::transmitq, FeatureSet{Feature::csum}, {"tx_csum_none", "tx_needs_csum"}},
    Group{types_of::tx_gso,
          QueueKind::transmitq,
          transmit_gso,
          {"tx_gso_packets", "tx_gso_bytes", "tx_gso_segments", "tx_gso_segments_bytes", "tx_gso_packets_noseg",
           "tx_gso_bytes_noseg"}},
    Group{types_of::tx_speed,
          QueueKind::transmitq,
          none,
          {"tx_packets_allowance_exceeded", "tx_bytes_allowance_exceeded"}},
    Group{types_of::cvq, QueueKind::controlq, none, {"command_num", "ok_num"}},
};

std::uint64_t bit(std::uint8_t type) { return std::uint64_t{1} << type; }

const Group* find_group(std::uint8_t type, std::uint64_t types) {
    const auto found = std::ranges::find(groups, type, &Group::type);
    return found == groups.end() || (types & bit(type)) == 0 ? nullptr : &*found;
}

}  // namespace

std::uint64_t stats_types(QueueKind kind, std::uint64_t supported, FeatureSet features) noexcept {
    std::uint64_t types = 0;
    for (const Group& group : groups) {
        const bool possible = group.any_of == none || (features & group.any_of) != none;
        if (group.kind == kind && possible) types |= bit(group.type);
    }
    return types & supported;
}

std::size_t stats_size(std::uint64_t types) noexcept {
    std::size_t size = 0;
    for (const Group& group : groups)
        if ((types & bit(group.type)) != 0) size += group.size();
    return size;
}

std::vector<DeviceCounter> parse_stats(std::span<const std::byte> answer, std::uint16_t queue, std::uint64_t types,
                                       const std::string& subject) {
    std::vector<DeviceCounter> counters;
    StatsReplyHeader header;
    while (answer.size() >= sizeof header) {
        std::memcpy(&header, answer.data(), sizeof header);
        if (header.size.value() == 0) break;  // the device wrote no more
        const Group* const group = find_group(header.type, types);
        if (group == nullptr || header.vq_index.value() != queue || header.size.value() != group->size() ||
            group->size() > answer.size())
            support::fail(Errc::bad_device, subject + ": an answer of type " + std::to_string(header.type) + ", " +
                                                std::to_string(header.size.value()) + " bytes, for virtqueue " +
                                                std::to_string(header.vq_index.value()) + " that was not asked for");
        for (std::size_t i = 0; i < group->count(); ++i) {
            virtio::le64 value;
            std::memcpy(&value, answer.data() + sizeof header + i * sizeof value, sizeof value);
            counters.push_back({group->names.at(i), value.value()});
        }
        answer = answer.subspan(group->size());
    }
    return counters;
}

DeviceStats NetDevice::device_stats() {
    require_feature(Feature::device_stats, "device statistics");
    require_commands("device statistics");
    virtio::le64 supported;
    command(virtio::ControlClass::stats, virtio::stats_command::query, {}, "VIRTIO_NET_CTRL_STATS_QUERY",
            std::as_writable_bytes(std::span{&supported, 1}));
    const auto counters = [&](QueueKind kind, unsigned queue) {
        return queue_stats(static_cast<std::uint16_t>(queue), stats_types(kind, supported.value(), features_));
    };
    DeviceStats stats;
    stats.controlq = counters(QueueKind::controlq, control_queue_index().value);
    for (unsigned i = 0; i < max_queue_pairs(); ++i)
        stats.pairs.push_back({counters(QueueKind::receiveq, 2 * i), counters(QueueKind::transmitq, 2 * i + 1)});
    return stats;
}

std::vector<DeviceCounter> NetDevice::queue_stats(std::uint16_t queue, std::uint64_t types) {
    if (types == 0) return {};
    const virtio::ControlQueueStats question{
        .vq_index = virtio::le16{queue}, .reserved = {}, .types_bitmap = virtio::le64{types}};
    std::vector<std::byte> answer(stats_size(types));
    const std::string what = "VIRTIO_NET_CTRL_STATS_GET of virtqueue " + std::to_string(queue);
    command(virtio::ControlClass::stats, virtio::stats_command::get, std::as_bytes(std::span{&question, 1}), what,
            answer);
    return parse_stats(answer, queue, types, name_ + ": " + what);
}

}  // namespace vmq::net
