// One transmit virtqueue: packets go out in place, buffers come back in bulk. VIRTIO 1.3, 5.1.6.2.
#pragma once

#include <cstdint>
#include <memory>

#include <vmq/packet.hpp>

#include "driver/net/counter.hpp"
#include "driver/net/packet_pool.hpp"
#include "driver/virtio/split_ring.hpp"

namespace vmq::net {

struct TransmitCounters {
    Counter packets, bytes, completed, rejected, ring_full, notifies;
};

// One owner thread.
class Transmitq {
public:
    Transmitq(virtio::SplitRing& ring, std::uint32_t max_packet_bytes);

    void use_pool(PacketPool& pool) noexcept { pool_ = &pool; }
    void set_doorbell(virtio::Doorbell doorbell) noexcept { doorbell_ = doorbell; }
    [[nodiscard]] virtio::SplitRing& ring() const noexcept { return *ring_; }

    // Takes packets from the front of the batch as long as there is room; returns how many.
    std::size_t send(Batch& batch) noexcept;
    // Takes back what the device has finished with.
    void reclaim() noexcept;
    // After a send that could not take all: true until there is room for a burst again.
    [[nodiscard]] bool blocked() const noexcept { return blocked_; }

    TransmitCounters counters;

private:
    [[nodiscard]] bool acceptable(const Packet& packet) const noexcept;
    [[nodiscard]] bool room_for(const Packet& packet) noexcept;
    void stage(Packet& packet) noexcept;
    [[nodiscard]] std::uint16_t stage_segments(Buffer* first, virtio::Segment head) noexcept;

    virtio::SplitRing* ring_;
    PacketPool* pool_ = nullptr;
    virtio::Doorbell doorbell_;
    std::uint32_t max_packet_bytes_;
    std::uint16_t reclaim_threshold_;
    std::uint16_t unblock_threshold_;
    bool blocked_ = false;
    std::unique_ptr<Buffer*[]> slots_;  // the first buffer of the packet behind each head descriptor
};

}  // namespace vmq::net
