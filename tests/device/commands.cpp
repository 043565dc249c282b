// What the control commands do. VIRTIO 1.3, 5.1.6.5.
#include <algorithm>
#include <bit>
#include <cstring>

#include "tests/device/net_device.hpp"
#include "tests/device/workers.hpp"

namespace vmq::software {

using virtio::ControlClass;
using virtio::Feature;

ControlQueue::Handler NetDevice::control_handler() {
    return {.seen = [this](const ControlCommand& command) { command_seen(command); },
            .execute = [this](ControlCommand& command) { return execute(command); },
            .refused = [this](const ControlCommand& command) { command_refused(command); }};
}

std::optional<unsigned> NetDevice::pairs_wanted(const ControlCommand& command) const {
    if (command.control_class != ControlClass::mq) return std::nullopt;
    if (command.command == virtio::mq_command::rss_config) {
        const auto rss = parse_rss_config(command.data);
        return rss ? rss->transmit_pairs : 0;
    }
    if (command.command != virtio::mq_command::vq_pairs_set) return std::nullopt;
    virtio::le16 count;
    if (command.data.size() != sizeof count) return 0;
    std::memcpy(static_cast<void*>(&count), command.data.data(), sizeof count);
    return count.value();
}

// 5.1.6.5.5.2: from now on nothing may be queued on a transmitq beyond the wanted pairs.
void NetDevice::command_seen(const ControlCommand& command) {
    const auto wanted = pairs_wanted(command);
    if (!wanted) return;
    const bool by_rss = command.command == virtio::mq_command::rss_config;
    const std::string name = by_rss ? "RSS_CONFIG" : "VQ_PAIRS_SET";
    if (!features().has(by_rss ? Feature::rss : Feature::mq)) violations_.add(name + ", which was not negotiated");
    if (*wanted == 0 || *wanted > config_.pairs) violations_.add(name + " with " + std::to_string(*wanted) + " pairs");
    if (!by_rss && features().has(Feature::rss)) violations_.add("VQ_PAIRS_SET where RSS_CONFIG sets the pairs");
    for (unsigned pair = std::max(*wanted, 1u); pair < config_.pairs; ++pair) {
        Lane& lane = *lanes_[pair];
        const std::lock_guard lock{lane.mutex};
        lane.close_transmission();
    }
}

void NetDevice::command_refused(const ControlCommand& command) {
    if (!pairs_wanted(command)) return;
    for (unsigned pair = 0; pair < pairs_in_use(); ++pair) {
        Lane& lane = *lanes_[pair];
        const std::lock_guard lock{lane.mutex};
        lane.open_transmission();
    }
}

bool NetDevice::set_pairs(unsigned count) {
    if (count == 0 || count > config_.pairs) return false;
    bool done = true;
    lock_lanes([&] {
        for (unsigned pair = 0; pair < count; ++pair)
            if (!lanes_[pair]->receive_ring.enabled() || !lanes_[pair]->transmit_ring.enabled()) {
                violations_.add("VQ_PAIRS_SET " + std::to_string(count) + " with pair " + std::to_string(pair) +
                                " not enabled");
                done = false;
                return;
            }
        for (unsigned pair = 0; pair < config_.pairs; ++pair) {
            Lane& lane = *lanes_[pair];
            lane.set_in_use(pair < count);
            if (pair < count) lane.open_transmission();
        }
        // What waited for a pair that went is delivered elsewhere.
        for (unsigned pair = count; pair < config_.pairs; ++pair)
            for (Frame& frame : std::exchange(lanes_[pair]->backlog, {}))
                lanes_[steering_.pair_for(flow_key(frame), count)]->backlog.push_back(std::move(frame));
        pairs_in_use_ = count;
    });
    wake_threads();
    return done;
}

// 5.1.6.5.7: a power of two, no more than the device has, only receiveqs that are enabled, only hash types that it has.
bool NetDevice::set_rss(const RssCommand& command) {
    const RssConfig& config = command.config;
    const ConfigValues limits = config_space_.values();
    const bool sound = std::has_single_bit(config.table.size()) && config.table.size() <= limits.rss_table_length &&
                       config.key.size() <= limits.rss_key_size && (config.hash_types & ~limits.hash_types) == 0 &&
                       config.unclassified_pair < command.transmit_pairs &&
                       std::ranges::max(config.table) < command.transmit_pairs;
    if (!sound) violations_.add("RSS_CONFIG with " + std::to_string(config.table.size()) + " entries makes no sense");
    if (!sound || !set_pairs(command.transmit_pairs)) return false;
    steering_.set_table(config.table);
    rss_ = config;
    wake_threads();
    return true;
}

bool NetDevice::set_hashing(const ControlCommand& command) {
    const auto config = parse_hash_config(command.data);
    if (!config || !features().has(Feature::hash_report)) {
        violations_.add("HASH_CONFIG that makes no sense");
        return false;
    }
    rss_ = *config;
    return true;
}

bool NetDevice::set_mac(const ControlCommand& command) {
    MacAddress mac{};
    const bool sound =
        command.data.size() == mac.size() && features().has(Feature::ctrl_mac_addr) && features().has(Feature::ctrl_rx);
    if (!sound) violations_.add("MAC_ADDR_SET that makes no sense");
    if (!sound) return false;
    std::memcpy(mac.data(), command.data.data(), mac.size());
    config_space_.change([&](ConfigValues& values) { values.mac = mac; });
    return true;
}

bool NetDevice::acknowledge_announcement() {
    if (!config_space_.values().announce) violations_.add("ANNOUNCE_ACK without having been asked");
    config_space_.change([](ConfigValues& values) { values.announce = false; });
    return features().has(Feature::guest_announce);
}

// 5.1.6.5.9.5
void NetDevice::check_coalescing(const ControlCommand& command) {
    virtio::le16 queue;
    if (command.command != virtio::coalescing_command::vq_set || command.data.size() < sizeof queue) return;
    std::memcpy(static_cast<void*>(&queue), command.data.data(), sizeof queue);
    if (queue.value() >= control_index() || ring(queue.value())->enabled()) return;
    violations_.add("NOTF_COAL_VQ_SET of virtqueue " + std::to_string(queue.value()) + ", which was reset");
}

bool NetDevice::execute_setting(ControlCommand& command) {
    const CommandContext context{settings_,           features(),          config_.pairs, control_index(),
                                 control_.commands(), config_.stats_types, violations_};
    switch (command.control_class) {
        case ControlClass::rx:
            return set_receive_mode(context, command);
        case ControlClass::mac:
            if (command.command == virtio::mac_command::addr_set) return set_mac(command);
            return set_mac_filters(context, command);
        case ControlClass::vlan:
            return set_vlan(context, command);
        case ControlClass::announce:
            return acknowledge_announcement();
        case ControlClass::notf_coal:
            check_coalescing(command);
            return set_coalescing(context, command);
        case ControlClass::stats:
            return tell_stats(context, command);
        default:
            violations_.add("a control command of class " +
                            std::to_string(static_cast<unsigned>(command.control_class)) + " that does not exist");
            return false;
    }
}

bool NetDevice::execute(ControlCommand& command) {
    if (command.control_class == ControlClass::mq) {
        if (command.command == virtio::mq_command::hash_config) return set_hashing(command);
        if (command.command == virtio::mq_command::rss_config) {
            const auto rss = parse_rss_config(command.data);
            return rss && set_rss(*rss);
        }
    }
    if (const auto wanted = pairs_wanted(command)) return set_pairs(*wanted);
    if (command.control_class == ControlClass::guest_offloads) return set_receive_offloads(command);
    return execute_setting(command);
}

}  // namespace vmq::software
