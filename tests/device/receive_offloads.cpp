// What the device does with packets before it delivers them. VIRTIO 1.3, 5.1.6.4 and 5.1.6.5.8.
#include <cstring>

#include "tests/device/net_device.hpp"
#include "tests/device/offload.hpp"

namespace vmq::software {

using virtio::Feature;

namespace {

bool may_coalesce(std::uint8_t type, bool ipv6, virtio::FeatureSet offloads) {
    if ((type & virtio::gso_type::ecn) != 0 && !offloads.has(Feature::guest_ecn)) return false;
    switch (type & ~virtio::gso_type::ecn) {
        case virtio::gso_type::tcpv4:
            return offloads.has(Feature::guest_tso4);
        case virtio::gso_type::tcpv6:
            return offloads.has(Feature::guest_tso6);
        default:
            return offloads.has(ipv6 ? Feature::guest_uso6 : Feature::guest_uso4);
    }
}

bool is_ipv6(const Frame& packet) { return packet[12] == std::byte{0x86}; }

}  // namespace

virtio::FeatureSet NetDevice::receive_offloads() {
    const std::lock_guard lock{control_mutex_};
    return receive_offloads_.value_or(features() & receive_offload_features);
}

bool NetDevice::set_receive_offloads(const ControlCommand& command) {
    virtio::le64 bits;
    const bool whole = command.command == virtio::guest_offloads_command::set && command.data.size() == sizeof bits;
    if (whole) std::memcpy(static_cast<void*>(&bits), command.data.data(), sizeof bits);
    const virtio::FeatureSet wanted{bits.value()};
    if (!whole || !features().has(Feature::ctrl_guest_offloads) ||
        (wanted & features() & receive_offload_features) != wanted) {
        violations_.add("GUEST_OFFLOADS_SET that makes no sense");
        return false;
    }
    receive_offloads_ = wanted;
    return true;
}

bool NetDevice::inject_local(unsigned pair, const Frame& packet, const virtio::NetHeader& header) {
    const virtio::FeatureSet offloads = receive_offloads();
    const bool coalesced = header.gso_type != virtio::gso_type::none;
    const bool as_it_is = coalesced ? may_coalesce(header.gso_type, is_ipv6(packet), offloads)
                                    : header.flags == 0 || offloads.has(Feature::guest_csum);
    if (as_it_is) return inject(pair, packet, {.header = header});
    bool delivered = true;
    for (const Frame& frame : carry_out(header, packet)) delivered = inject(pair, frame) && delivered;
    return delivered;
}

}  // namespace vmq::software
