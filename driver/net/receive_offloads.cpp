// Telling the device what it may do with packets before it delivers them. VIRTIO 1.3, 5.1.6.5.8.
#include <string>

#include <vmq/error.hpp>

#include "driver/net/net_device.hpp"
#include "driver/support/errors.hpp"

namespace vmq::net {

using virtio::Feature;
using virtio::FeatureSet;

namespace {

ReceiveOffloads negotiated(FeatureSet features) {
    return {.checksum = features.has(Feature::guest_csum),
            .coalescing = (features & receive_coalescing) != FeatureSet{}};
}

// A feature that was negotiated is on until the driver says otherwise.
FeatureSet in_force(FeatureSet features, ReceiveOffloads offloads) {
    FeatureSet bits;
    if (offloads.checksum) bits.add(Feature::guest_csum);
    return offloads.coalescing ? bits | (features & receive_coalescing) : bits;
}

}  // namespace

void NetDevice::start_receive_offloads() {
    if (!receive_offloads_) receive_offloads_ = negotiated(features_);
    if (*receive_offloads_ != negotiated(features_)) command_receive_offloads(*receive_offloads_);
}

void NetDevice::set_receive_offloads(ReceiveOffloads offloads) {
    offloads.checksum |= offloads.coalescing;  // 5.1.3.1
    const std::string subject = name_ + ": receive offloads: ";
    if (stopped_) support::fail(Errc::device_removed, subject + "the device has stopped");
    if (lost_) support::fail(Errc::device_removed, subject + "the device is away", "it is waited for; try again then");
    if (offloads == *receive_offloads_) return;
    const ReceiveOffloads most = negotiated(features_);
    if ((offloads.checksum && !most.checksum) || (offloads.coalescing && !most.coalescing)) {
        support::fail(Errc::unsupported, subject + "not negotiated",
                      "open with Options::receive_checksum or receive_coalescing, on a device that offers it");
    }
    if (!features_.has(Feature::ctrl_guest_offloads))
        support::fail(Errc::unsupported, subject + "the device does not offer CTRL_GUEST_OFFLOADS");
    command_receive_offloads(offloads);
    receive_offloads_ = offloads;
}

void NetDevice::command_receive_offloads(ReceiveOffloads offloads) {
    const virtio::le64 bits{in_force(features_, offloads).bits()};
    control_->execute(virtio::ControlClass::guest_offloads, virtio::guest_offloads_command::set,
                      std::as_bytes(std::span{&bits, 1}), options_.command_deadline,
                      name_ + ": VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET");
}

}  // namespace vmq::net
