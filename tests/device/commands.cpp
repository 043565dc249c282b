// What the control commands do. VIRTIO 1.3, 5.1.6.5.
#include <algorithm>
#include <cstring>

#include "tests/device/net_device.hpp"
#include "tests/device/workers.hpp"

namespace vmq::software {

using virtio::ControlClass;
using virtio::Feature;

ControlQueue::Handler NetDevice::control_handler() {
    return {.seen = [this](const ControlCommand& command) { command_seen(command); },
            .execute = [this](const ControlCommand& command) { return execute(command); },
            .refused = [this](const ControlCommand& command) { command_refused(command); }};
}

std::optional<unsigned> NetDevice::pairs_wanted(const ControlCommand& command) const {
    if (command.control_class != ControlClass::mq || command.command != virtio::mq_command::vq_pairs_set)
        return std::nullopt;
    virtio::le16 count;
    if (command.data.size() != sizeof count) return 0;
    std::memcpy(static_cast<void*>(&count), command.data.data(), sizeof count);
    return count.value();
}

// 5.1.6.5.5.2: from now on nothing may be queued on a transmitq beyond the wanted pairs.
void NetDevice::command_seen(const ControlCommand& command) {
    const auto wanted = pairs_wanted(command);
    if (!wanted) return;
    if (!features().has(Feature::mq)) violations_.add("VQ_PAIRS_SET without MQ");
    if (*wanted == 0 || *wanted > config_.pairs) violations_.add("VQ_PAIRS_SET " + std::to_string(*wanted));
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
    if (!features().has(Feature::mq) || count == 0 || count > config_.pairs) return false;
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

bool NetDevice::execute(const ControlCommand& command) {
    if (const auto wanted = pairs_wanted(command)) return set_pairs(*wanted);
    switch (command.control_class) {
        case ControlClass::announce:
            if (!features().has(Feature::guest_announce)) break;
            config_space_.change([](ConfigValues& values) { values.announce = false; });
            return true;
        case ControlClass::rx:
            if (features().has(Feature::ctrl_rx)) return true;
            break;
        case ControlClass::vlan:
            if (features().has(Feature::ctrl_vlan)) return true;
            break;
        default:
            break;
    }
    violations_.add("a control command of class " + std::to_string(static_cast<unsigned>(command.control_class)) +
                    " that was not negotiated");
    return false;
}

}  // namespace vmq::software
