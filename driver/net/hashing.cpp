// Telling the device how to hash packets and which pair each hash belongs to. VIRTIO 1.3, 5.1.6.5.6 and 5.1.6.5.7.
#include <string>
#include <utility>

#include <vmq/error.hpp>
#include <vmq/steering.hpp>

#include "driver/net/net_device.hpp"
#include "driver/support/errors.hpp"

namespace vmq::net {

namespace {

using virtio::ControlClass;

[[noreturn]] void fail_not_offered(const std::string& name) {
    support::fail(Errc::unsupported, name + ": the device does not offer RSS",
                  "QEMU's does with rss=on; Options::hand_off steers without it");
}

}  // namespace

RssInfo NetDevice::rss() const {
    if (!rss_) fail_not_offered(name_);
    return {.limits = rss_->limits(),
            .settings = rss_->settings(),
            .config = rss_->config(rss_->settings(), queue_pairs(), name_ + ": ")};
}

void NetDevice::set_rss(RssSettings settings) {
    if (!rss_) fail_not_offered(name_);
    const std::string subject = name_ + ": RSS: ";
    if (stopped_) support::fail(Errc::device_removed, subject + "the device has stopped");
    if (lost_) support::fail(Errc::device_removed, subject + "the device is away", "it is waited for; try again then");
    settings = rss_->complete(std::move(settings), queue_pairs(), subject);
    if (owners_ && settings.key != rss_->settings().key)
        support::fail(Errc::unsupported, subject + "the key of the software hand-off cannot be changed");
    if (!owners_) control_->require_usable(name_ + ": RSS");
    put_in_force(settings);
    rss_->adopt(std::move(settings));
}

// The table is the software's; a device that reports hashes hashes as it likes.
void NetDevice::own_flows() {
    const std::vector<std::uint8_t> key = steering::symmetric_key(FlowOwners::limits.key_size);
    RssSettings settings{.hash_types = FlowOwners::limits.hash_types, .key = key, .weights = {}, .table = {}};
    rss_.emplace(FlowOwners::limits, true).adopt(std::move(settings));
    owners_ = std::make_unique<FlowOwners>(key);
}

void NetDevice::hand_off(const RssSettings& settings, unsigned pairs) {
    if (owners_) owners_->adopt(rss_->config(settings, pairs, name_ + ": "));
}

void NetDevice::start_hashing() {
    if (rss_) put_in_force(rss_->settings());
}

void NetDevice::put_in_force(const RssSettings& settings) {
    if (owners_) {
        hand_off(settings, queue_pairs());
    } else if (steers_by_hash()) {
        command_rss(settings, queue_pairs(), queue_pairs());
    } else {
        command_hashing(settings);
    }
}

void NetDevice::command_rss(const RssSettings& settings, unsigned receiving, unsigned sending) {
    const RssConfig config = rss_->config(settings, receiving, name_ + ": ");
    control_->execute(ControlClass::mq, virtio::mq_command::rss_config, encode_rss_config(config, sending),
                      options_.command_deadline, name_ + ": VIRTIO_NET_CTRL_MQ_RSS_CONFIG");
}

void NetDevice::command_hashing(const RssSettings& settings) {
    const RssConfig config = rss_->config(settings, queue_pairs(), name_ + ": ");
    control_->execute(ControlClass::mq, virtio::mq_command::hash_config, encode_hash_config(config),
                      options_.command_deadline, name_ + ": VIRTIO_NET_CTRL_MQ_HASH_CONFIG");
}

}  // namespace vmq::net
