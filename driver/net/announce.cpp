// Telling the network where this MAC address is now, when the device asks for it. VIRTIO 1.3, 5.1.6.5.4.
#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <utility>

#include "driver/net/net_device.hpp"
#include "driver/net/packet_access.hpp"

namespace vmq::net {

using virtio::Feature;

namespace {

constexpr unsigned announce_buffers = 16;  // an owner that seldom calls in has so many before one is left out
constexpr unsigned announce_buffer_size = 256;
constexpr std::size_t frame_size = 60;
using Frame = std::array<std::uint8_t, frame_size>;

// RFC 903: a request for the IP address of one's own MAC. Nobody has to answer; switches learn from its source.
Frame reverse_arp(const MacAddress& mac) {
    constexpr std::array<std::uint8_t, 10> fixed{
        0x80, 0x35,              // reverse ARP
        0x00, 0x01, 0x08, 0x00,  // of Ethernet for IPv4
        6,    4,                 // bytes of their addresses
        0x00, 0x03,              // request
    };
    constexpr std::size_t sender_at = 22;
    constexpr std::size_t target_at = 32;
    Frame frame{};
    const auto put = [&frame](std::size_t at, const auto& bytes) {
        std::ranges::copy(bytes, frame.begin() + static_cast<std::ptrdiff_t>(at));
    };
    std::fill_n(frame.begin(), mac.size(), std::uint8_t{0xff});
    put(6, mac);
    put(12, fixed);
    put(sender_at, mac);
    put(target_at, mac);
    return frame;
}

}  // namespace

void NetDevice::make_announce_pool() {
    announce_pool_.reset();
    if (!features_.has(Feature::guest_announce)) return;
    announce_pool_ =
        std::make_unique<PacketPool>(transport_->allocate_array({announce_buffer_size, -1, announce_buffers}),
                                     announce_buffers, announce_buffer_size, header_form(features_).size);
    ring_memory_ += announce_pool_->memory_size();
}

void NetDevice::announce_where_asked() {
    if (!live_.announce) announced_ = false;
    if (!live_.announce || std::exchange(announced_, true)) return;
    announcements_.add();
    log(LogLevel::info, name_ + ": the device asks for an announcement");
    send_announcement();
    try {
        command(virtio::ControlClass::announce, virtio::announce_command::ack, {}, "VIRTIO_NET_CTRL_ANNOUNCE_ACK");
        announced_ = false;  // the device has taken its order back; the next one is another
    } catch (const std::exception& error) {
        log(LogLevel::error, error.what());
    }
    if (options_.announce) options_.announce();
}

void NetDevice::send_announcement() {
    const std::optional<MacAddress> source = mac();
    if (!source) return;
    Batch batch;
    std::size_t count = 1;
    const BufferRef* const ref = announce_pool_->take(count);
    if (count == 0) {
        log(LogLevel::warning, name_ + ": no announcement sent, the thread of queue pair 0 has not sent the last ones");
    } else {
        PacketAccess::emplace(batch, ref->buffer, ref->data, frame_size, PacketAccess::form_of(*announce_pool_, 1));
        const Frame frame = reverse_arp(*source);
        std::memcpy(batch[0].bytes().data(), frame.data(), frame.size());
    }
    pairs_.front()->send_for(batch);  // an empty one, too: it brings the buffers home that have been sent
}

}  // namespace vmq::net
