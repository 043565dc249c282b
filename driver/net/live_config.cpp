// Following what the device says of itself while it runs. VIRTIO 1.3, 5.1.4.
#include "driver/net/live_config.hpp"

#include <span>
#include <system_error>
#include <utility>

#include <vmq/error.hpp>
#include <vmq/info.hpp>

#include "driver/net/net_device.hpp"

namespace vmq::net {

using virtio::Feature;
namespace at = virtio::net_config;

namespace {

template <typename Field>
Field read(virtio::Transport& transport, std::size_t offset) {
    Field field{};
    transport.read_config(offset, std::as_writable_bytes(std::span{&field, 1}));
    return field;
}

std::string speed_text(const std::optional<std::uint32_t>& speed) {
    return speed ? std::to_string(*speed) + " Mbit/s" : "unknown";
}

std::string duplex_text(const std::optional<bool>& full) {
    if (!full) return "unknown";
    return *full ? "full" : "half";
}

}  // namespace

LiveConfig read_live_config(virtio::Transport& transport, virtio::FeatureSet features) {
    LiveConfig config;
    if (features.has(Feature::status)) {
        const std::uint16_t status = read<virtio::le16>(transport, at::status).value();
        config.link_up = (status & virtio::net_status::link_up) != 0;
        config.announce = features.has(Feature::guest_announce) && (status & virtio::net_status::announce) != 0;
    }
    if (features.has(Feature::mac)) config.mac = read<MacAddress>(transport, at::mac);
    if (features.has(Feature::mtu)) config.mtu = read<virtio::le16>(transport, at::mtu).value();
    if (features.has(Feature::speed_duplex)) {
        const std::uint32_t speed = read<virtio::le32>(transport, at::speed).value();
        if (speed <= virtio::largest_speed) config.speed = speed;
        const std::uint8_t duplex = read<std::uint8_t>(transport, at::duplex);
        if (duplex <= virtio::net_duplex::full) config.full_duplex = duplex == virtio::net_duplex::full;
    }
    return config;
}

std::vector<std::string> differences(const LiveConfig& before, const LiveConfig& now) {
    std::vector<std::string> lines;
    if (now.link_up != before.link_up) lines.emplace_back(now.link_up ? "link up" : "link down");
    if (now.mac && now.mac != before.mac) lines.push_back("MAC address " + to_string(*now.mac));
    if (now.mtu && now.mtu != before.mtu) {
        lines.push_back("the device's MTU is now " + std::to_string(*now.mtu) + "; the one in force stays until the " +
                        "device is opened again");
    }
    if (now.speed != before.speed) lines.push_back("speed " + speed_text(now.speed));
    if (now.full_duplex != before.full_duplex) lines.push_back("duplex " + duplex_text(now.full_duplex));
    return lines;
}

// 4.1.4.3.1 and 2.1.1: what a configuration change interrupt may mean.
void NetDevice::look_at_config() {
    if (stopped_) return;
    if (lost_) {
        if (transport_->connection_fd() < 0) try_to_revive();
        return;
    }
    try {
        if ((transport_->status() & virtio::device_status::needs_reset) != 0) {
            note_trouble(name_ + ": the device asks for a reset (DEVICE_NEEDS_RESET)");
            return try_to_revive();
        }
        follow_config();
    } catch (const std::system_error& error) {
        if (error.code() != Errc::device_removed) throw;
        return stop(error.what());
    }
    announce_where_asked();
}

void NetDevice::begin_following_config() {
    live_ = read_live_config(*transport_, features_);
    announced_ = false;
    link_up_.store(live_.link_up, std::memory_order_relaxed);
}

void NetDevice::follow_config() {
    const LiveConfig before = std::exchange(live_, read_live_config(*transport_, features_));
    link_up_.store(live_.link_up, std::memory_order_relaxed);
    const std::vector<std::string> changes = differences(before, live_);
    if (changes.empty()) return;
    config_changes_.add();
    for (const std::string& change : changes) log(LogLevel::info, name_ + ": " + change);
}

}  // namespace vmq::net
