// How long the device may hold interrupts back. VIRTIO 1.3, 5.1.6.5.9.
#include <string>

#include <vmq/error.hpp>

#include "driver/net/net_device.hpp"
#include "driver/support/errors.hpp"

namespace vmq::net {

namespace {

using virtio::Feature;
namespace commands = virtio::coalescing_command;

constexpr const char* subject = "notification coalescing";

virtio::ControlCoalescing encode(const CoalescingLimit& limit) {
    return {.max_packets = support::le32{limit.packets}, .max_usecs = support::le32{limit.usecs}};
}

}  // namespace

// VQ_GET is not used: it would tell what this driver has set, and 5.1.6.5.9 leaves open where the answer lies.
CoalescingInfo NetDevice::coalescing() const {
    if (!features_.has(Feature::vq_notf_coal)) require_feature(Feature::notf_coal, subject);
    CoalescingInfo info{.all = settings_.coalescing.value_or(Coalescing{}), .pairs = {}};
    for (unsigned i = 0; i < max_queue_pairs(); ++i) info.pairs.push_back(coalescing_of(i));
    return info;
}

Coalescing NetDevice::coalescing_of(unsigned pair) const {
    const auto own = settings_.pair_coalescing.find(pair);
    if (own != settings_.pair_coalescing.end()) return own->second;
    return settings_.coalescing.value_or(Coalescing{});
}

void NetDevice::set_coalescing(const Coalescing& all) {
    require_feature(Feature::notf_coal, subject);
    require_commands(subject);
    const Coalescing old = settings_.coalescing.value_or(Coalescing{});
    // These commands overrule those for single virtqueues.
    const auto back = [this](const auto& command_old) {
        command_old();
        for (const auto& [pair, own] : settings_.pair_coalescing) command_pair_coalescing(pair, own);
    };
    const auto receive = [this](const Coalescing& to) { command_limit_of_all(commands::rx_set, to.receive); };
    const auto transmit = [this](const Coalescing& to) { command_limit_of_all(commands::tx_set, to.transmit); };
    change_all({{[&] { receive(all); }, [&] { back([&] { receive(old); }); }},
                {[&] { transmit(all); }, [&] { back([&] { transmit(old); }); }}});
    settings_.coalescing = all;
    settings_.pair_coalescing.clear();
}

void NetDevice::set_coalescing(unsigned pair, const Coalescing& coalescing) {
    require_feature(Feature::vq_notf_coal, subject);
    if (pair >= max_queue_pairs()) {
        support::fail(Errc::out_of_range, name_ + ": " + subject + ": requested queue pair " + std::to_string(pair) +
                                              ", the device has pairs 0 to " + std::to_string(max_queue_pairs() - 1));
    }
    require_commands(subject);
    const Coalescing old = coalescing_of(pair);
    change_all(
        {{[&] { command_receive_limit(pair, coalescing.receive); }, [&] { command_receive_limit(pair, old.receive); }},
         {[&] { command_limit(2 * pair + 1, coalescing.transmit); },
          [&] { command_limit(2 * pair + 1, old.transmit); }}});
    settings_.pair_coalescing[pair] = coalescing;
}

void NetDevice::put_coalescing_in_force() {
    if (settings_.coalescing) {
        command_limit_of_all(commands::rx_set, settings_.coalescing->receive);
        command_limit_of_all(commands::tx_set, settings_.coalescing->transmit);
    }
    for (const auto& [pair, own] : settings_.pair_coalescing) command_pair_coalescing(pair, own);
}

// Receiveqs that were reset and are enabled again: they hold back what all do (5.1.6.5.9.6).
void NetDevice::put_coalescing_in_force(unsigned first, unsigned last) {
    for (const auto& [pair, own] : settings_.pair_coalescing)
        if (pair >= first && pair < last) command_receive_limit(pair, own.receive);
}

// 5.1.6.5.9.5: only of a virtqueue that is enabled. One that is reset is told when it is enabled again.
void NetDevice::command_receive_limit(unsigned pair, const CoalescingLimit& limit) {
    const PairCore& core = *pairs_[pair];
    if (!core.wants(Shape::emptied) && !core.wants(Shape::returning)) command_limit(2 * pair, limit);
}

void NetDevice::command_pair_coalescing(unsigned pair, const Coalescing& coalescing) {
    command_receive_limit(pair, coalescing.receive);
    command_limit(2 * pair + 1, coalescing.transmit);
}

void NetDevice::command_limit_of_all(std::uint8_t which, const CoalescingLimit& limit) {
    const virtio::ControlCoalescing data = encode(limit);
    command(virtio::ControlClass::notf_coal, which, std::as_bytes(std::span{&data, 1}),
            std::string("VIRTIO_NET_CTRL_NOTF_COAL_") + (which == commands::rx_set ? "RX_SET" : "TX_SET"));
}

void NetDevice::command_limit(unsigned queue, const CoalescingLimit& limit) {
    const virtio::ControlQueueCoalescing data{
        .vq_index = support::le16{static_cast<std::uint16_t>(queue)}, .reserved = {}, .coalescing = encode(limit)};
    command(virtio::ControlClass::notf_coal, commands::vq_set, std::as_bytes(std::span{&data, 1}),
            "VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET of virtqueue " + std::to_string(queue));
}

}  // namespace vmq::net
