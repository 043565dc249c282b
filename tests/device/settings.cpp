// The commands that set something, checked and kept.
#include "tests/device/settings.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

namespace vmq::software {

using virtio::Feature;
using virtio::FeatureSet;

namespace {

template <typename Value>
std::optional<Value> whole(const ControlCommand& command) {
    Value value{};
    if (command.data.size() != sizeof value) return std::nullopt;
    std::memcpy(static_cast<void*>(&value), command.data.data(), sizeof value);
    return value;
}

bool blame(const CommandContext& context, const std::string& text) {
    context.violations.add(text);
    return false;
}

bool is_multicast(const MacAddress& mac) { return (mac[0] & 1) != 0; }

bool contains(const std::vector<MacAddress>& macs, const MacAddress& mac) {
    return std::ranges::find(macs, mac) != macs.end();
}

// Takes one of the two tables from the front; nothing: there is less than it says.
std::optional<std::vector<MacAddress>> take_macs(std::span<const std::byte>& data) {
    virtio::le32 entries;
    if (data.size() < sizeof entries) return std::nullopt;
    std::memcpy(static_cast<void*>(&entries), data.data(), sizeof entries);
    data = data.subspan(sizeof entries);
    if (data.size() / sizeof(MacAddress) < entries.value()) return std::nullopt;
    std::vector<MacAddress> macs(entries.value());
    if (!macs.empty()) std::memcpy(macs.data(), data.data(), macs.size() * sizeof(MacAddress));
    data = data.subspan(macs.size() * sizeof(MacAddress));
    return macs;
}

bool vlan_comes_through(const Settings& settings, std::span<const std::byte> packet) {
    if (packet.size() < 16 || packet[12] != std::byte{0x81} || packet[13] != std::byte{0}) return true;
    const unsigned tag = std::to_integer<unsigned>(packet[14]) << 8 | std::to_integer<unsigned>(packet[15]);
    return settings.vlans.contains(static_cast<std::uint16_t>(tag & 0xfff));
}

bool multicast_comes_through(const Settings& settings, const MacAddress& to) {
    const bool broadcast = std::ranges::all_of(to, [](std::uint8_t byte) { return byte == 0xff; });
    if (broadcast) return !settings.receive_mode.no_broadcast;
    if (settings.receive_mode.no_multicast) return false;
    return settings.receive_mode.all_multicast || contains(settings.mac_filters.multicast, to);
}

// How many counters follow a header of this type, and the features of which one is needed.
struct StatsGroup {
    std::uint8_t type;
    std::size_t counters;
    FeatureSet any_of;
};

constexpr StatsGroup stats_groups[] = {
    {0, 6, {}},
    {1, 4, FeatureSet{Feature::guest_csum}},
    {2, 4, FeatureSet{Feature::guest_tso4, Feature::guest_tso6}},
    {3, 2, {}},
    {16, 6, {}},
    {17, 2, FeatureSet{Feature::csum}},
    {18, 6, FeatureSet{Feature::host_tso4, Feature::host_tso6, Feature::host_uso}},
    {19, 2, {}},
    {32, 2, {}},
};

// The types that this virtqueue may be asked for.
std::uint64_t valid_types(const CommandContext& context, std::uint16_t queue) {
    if (queue == context.control_queue) return context.stats_types & (std::uint64_t{1} << 32);
    if (queue > context.control_queue) return 0;
    std::uint64_t types = 0;
    for (const StatsGroup& group : stats_groups) {
        const bool negotiated = group.any_of.bits() == 0 || (group.any_of & context.features).bits() != 0;
        const bool of_queue = group.type / 16 == queue % 2;
        if (negotiated && of_queue) types |= std::uint64_t{1} << group.type;
    }
    return types & context.stats_types;
}

void append(std::vector<std::byte>& out, const void* bytes, std::size_t count) {
    const auto* begin = static_cast<const std::byte*>(bytes);
    out.insert(out.end(), begin, begin + count);
}

void append_group(const CommandContext& context, const StatsGroup& group, std::uint16_t queue,
                  std::vector<std::byte>& out) {
    const std::size_t size = sizeof(virtio::StatsReplyHeader) + group.counters * sizeof(virtio::le64);
    const virtio::StatsReplyHeader header{.type = group.type,
                                          .reserved = 0,
                                          .vq_index = virtio::le16{queue},
                                          .reserved1 = {},
                                          .size = virtio::le16{static_cast<std::uint16_t>(size)}};
    append(out, &header, sizeof header);
    for (std::size_t i = 0; i < group.counters; ++i) {
        const virtio::le64 value{group.type == 32 ? context.commands : stats_value(queue, group.type, i)};
        append(out, &value, sizeof value);
    }
}

}  // namespace

bool comes_through(const Settings& settings, FeatureSet features, const MacAddress& mac,
                   std::span<const std::byte> packet) {
    const ReceiveMode& mode = settings.receive_mode;
    MacAddress to{};
    if (packet.size() < to.size() || mode.promiscuous) return true;
    std::memcpy(to.data(), packet.data(), to.size());
    if (features.has(Feature::ctrl_vlan) && !vlan_comes_through(settings, packet)) return false;
    if (!features.has(Feature::ctrl_rx)) return true;
    if (is_multicast(to)) return multicast_comes_through(settings, to);
    if (mode.no_unicast) return false;
    return mode.all_unicast || to == mac || contains(settings.mac_filters.unicast, to);
}

bool set_receive_mode(const CommandContext& context, const ControlCommand& command) {
    constexpr bool ReceiveMode::*members[] = {&ReceiveMode::promiscuous, &ReceiveMode::all_multicast,
                                              &ReceiveMode::all_unicast, &ReceiveMode::no_multicast,
                                              &ReceiveMode::no_unicast,  &ReceiveMode::no_broadcast};
    const auto on = whole<std::uint8_t>(command);
    if (!on || *on > 1 || command.command >= std::size(members)) return blame(context, "an odd CTRL_RX command");
    const Feature feature = command.command < 2 ? Feature::ctrl_rx : Feature::ctrl_rx_extra;
    if (!context.features.has(feature)) return blame(context, "CTRL_RX, which was not negotiated");
    context.settings.receive_mode.*members[command.command] = *on == 1;
    return true;
}

bool set_mac_filters(const CommandContext& context, const ControlCommand& command) {
    if (!context.features.has(Feature::ctrl_rx)) return blame(context, "CTRL_MAC, but CTRL_RX was not negotiated");
    std::span<const std::byte> data{command.data};
    const auto unicast = take_macs(data);
    const auto multicast = unicast ? take_macs(data) : std::nullopt;
    if (!multicast || !data.empty()) return blame(context, "MAC_TABLE_SET whose length is not what it says");
    // 5.1.6.5.2: first those that are not multicast, then those that are.
    if (std::ranges::any_of(*unicast, is_multicast) || !std::ranges::all_of(*multicast, is_multicast))
        return blame(context, "MAC_TABLE_SET with an address in the wrong table");
    context.settings.mac_filters = {*unicast, *multicast};
    return true;
}

bool set_vlan(const CommandContext& context, const ControlCommand& command) {
    if (!context.features.has(Feature::ctrl_vlan)) return blame(context, "CTRL_VLAN, which was not negotiated");
    const auto id = whole<virtio::le16>(command);
    if (!id || id->value() > 4095 || command.command > virtio::vlan_command::del)
        return blame(context, "an odd CTRL_VLAN command");
    if (command.command == virtio::vlan_command::add)
        context.settings.vlans.insert(id->value());
    else
        context.settings.vlans.erase(id->value());
    return true;
}

bool set_coalescing(const CommandContext& context, const ControlCommand& command) {
    namespace commands = virtio::coalescing_command;
    const auto limit = [](const virtio::ControlCoalescing& data) {
        return CoalescingLimit{.usecs = data.max_usecs.value(), .packets = data.max_packets.value()};
    };
    if (command.command == commands::vq_set) {
        const auto data = whole<virtio::ControlQueueCoalescing>(command);
        if (!data || !context.features.has(Feature::vq_notf_coal)) return blame(context, "an odd NOTF_COAL_VQ_SET");
        const std::uint16_t queue = data->vq_index.value();
        if (queue >= 2 * context.pairs) return blame(context, "NOTF_COAL_VQ_SET of a virtqueue that is not enabled");
        context.settings.coalescing[queue] = limit(data->coalescing);
        return true;
    }
    const auto data = whole<virtio::ControlCoalescing>(command);
    if (!data || command.command > commands::rx_set || !context.features.has(Feature::notf_coal))
        return blame(context, "an odd NOTF_COAL command");
    const unsigned first = command.command == commands::rx_set ? 0 : 1;
    for (unsigned pair = 0; pair < context.pairs; ++pair)
        context.settings.coalescing[static_cast<std::uint16_t>(2 * pair + first)] = limit(*data);
    return true;
}

bool tell_stats(const CommandContext& context, ControlCommand& command) {
    if (!context.features.has(Feature::device_stats)) return blame(context, "CTRL_STATS, which was not negotiated");
    if (command.command == virtio::stats_command::query) {
        const virtio::le64 types{context.stats_types};
        append(command.result, &types, sizeof types);
        return command.data.empty() || blame(context, "STATS_QUERY with data");
    }
    const auto question = whole<virtio::ControlQueueStats>(command);
    if (!question) return blame(context, "an odd STATS_GET");
    const std::uint16_t queue = question->vq_index.value();
    const std::uint64_t types = question->types_bitmap.value();
    if (types == 0 || (types & ~valid_types(context, queue)) != 0)
        return blame(context, "STATS_GET for what virtqueue " + std::to_string(queue) + " does not have");
    for (const StatsGroup& group : stats_groups)
        if ((types >> group.type & 1) != 0) append_group(context, group, queue, command.result);
    return true;
}

}  // namespace vmq::software
