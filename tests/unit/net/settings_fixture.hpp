// A device with every feature that is set by a command, which may be reset behind the application's back.
#pragma once

#include <atomic>
#include <cstring>
#include <memory>
#include <utility>

#include "driver/support/event_fd.hpp"
#include "tests/device/transport.hpp"
#include "tests/unit/net/fixture.hpp"

namespace vmq {

// Loses its connection when told to, which resets the device, and has it back at once.
class LosableTransport final : public software::SoftwareTransport {
public:
    explicit LosableTransport(software::NetDevice& device) : SoftwareTransport(device) {}

    void lose() {
        lost_ = true;
        event_.signal();
    }
    [[nodiscard]] int connection_fd() override { return event_.fd(); }
    [[nodiscard]] bool check_connection() override {
        [[maybe_unused]] const auto signals = event_.drain();
        if (lost_) reset();
        return !lost_;
    }
    [[nodiscard]] bool reconnect() override {
        lost_ = false;
        return true;
    }

private:
    std::atomic<bool> lost_{false};
    support::EventFd event_;
};

inline constexpr MacAddress own_mac{0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
inline constexpr MacAddress strange_mac{0x52, 0x54, 0x00, 0x99, 0x99, 0x99};
inline constexpr MacAddress other_mac{0x02, 0x00, 0x00, 0x00, 0x00, 0x07};
inline constexpr MacAddress group_mac{0x01, 0x00, 0x5e, 0x00, 0x00, 0x05};
inline constexpr MacAddress broadcast_mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

class NetSettings : public NetTest {
protected:
    NetSettings() { options.ring_size = 64; }

    static software::NetConfig with_all() {
        using virtio::Feature;
        software::NetConfig config;
        for (const Feature feature :
             {Feature::ctrl_rx, Feature::ctrl_rx_extra, Feature::ctrl_mac_addr, Feature::ctrl_vlan, Feature::notf_coal,
              Feature::vq_notf_coal, Feature::device_stats, Feature::speed_duplex})
            config.features.add(feature);
        return config;
    }
    Device& open_losable(const software::NetConfig& config = with_all()) {
        vmq.reset();
        device.emplace(config);
        auto made = std::make_unique<LosableTransport>(*device);
        transport = made.get();
        return vmq.emplace(DeviceFactory::open(std::move(made), options));
    }
    void reset_device() {
        const std::uint64_t before = vmq->stats().reconnects;
        transport->lose();
        ASSERT_TRUE(eventually([&] { return vmq->stats().reconnects == before + 1; }));
    }

    // Whether a packet to this address, of this VLAN (0: untagged), arrives.
    bool arrives(const MacAddress& to, std::uint16_t vlan = 0) {
        software::Frame frame = software::make_frame({1, 1}, 64);
        std::memcpy(frame.data(), to.data(), to.size());
        if (vlan != 0) {
            const std::uint8_t tag[]{0x81, 0, static_cast<std::uint8_t>(vlan >> 8), static_cast<std::uint8_t>(vlan)};
            std::memcpy(frame.data() + 12, tag, sizeof tag);
        }
        const std::uint64_t filtered = device->filtered();
        EXPECT_TRUE(device->inject(0, frame));
        QueuePair pair = vmq->take_queue_pair(0);
        Batch batch;
        const bool received = pair.recv(batch) == 1;
        EXPECT_EQ(device->filtered(), filtered + (received ? 0 : 1));
        return received;
    }

    LosableTransport* transport = nullptr;
};

}  // namespace vmq
