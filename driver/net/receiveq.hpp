// One receive virtqueue: packets come out checked, buffers go in. VIRTIO 1.3, 5.1.6.4.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include <vmq/packet.hpp>

#include "driver/net/counter.hpp"
#include "driver/net/packet_pool.hpp"
#include "driver/virtio/split_ring.hpp"

namespace vmq::net {

struct ReceiveCounters {
    Counter packets, bytes, drops_oversized, drops_short, drops_bad_header, refill_failures, notifies;
};

// One owner thread.
class Receiveq {
public:
    Receiveq(virtio::SplitRing& ring, bool mergeable);

    // Before the first fill; the pool must outlive the queue.
    void use_pool(PacketPool& pool) noexcept { pool_ = &pool; }
    void set_doorbell(virtio::Doorbell doorbell) noexcept { doorbell_ = doorbell; }
    [[nodiscard]] virtio::SplitRing& ring() const noexcept { return *ring_; }

    // Fills the batch, which must be empty.
    void receive(Batch& batch) noexcept;
    // Posts buffers for every free descriptor, as far as the pool has any, and publishes them.
    // True: the device asked to be notified.
    bool fill() noexcept;
    void ring_doorbell() const noexcept { doorbell_.ring(); }
    // What recv does about the ring's free descriptors: nothing until there are enough to be worth a publication.
    void refill() noexcept;
    // True when receive descriptors are missing because the pool ran dry.
    [[nodiscard]] bool starved() const noexcept { return ring_->outstanding() <= ring_->size() / 4; }

    ReceiveCounters counters;

private:
    // The used buffers of the burst at hand.
    struct Burst {
        std::array<virtio::Used, Batch::capacity> used;
        std::size_t next = 0;
        std::size_t count = 0;
    };

    void receive_packet(Batch& batch, Burst& burst) noexcept;
    [[nodiscard]] bool next_of_packet(Burst& burst, std::size_t missing, virtio::Used& used) noexcept;
    [[nodiscard]] bool append_segments(Burst& burst, Buffer* first, unsigned buffer_count) noexcept;
    [[nodiscard]] std::uint32_t capacity() const noexcept { return pool_->stride() - header_offset; }
    void drop(Buffer* first, Counter& reason) noexcept;

    virtio::SplitRing* ring_;
    PacketPool* pool_ = nullptr;
    virtio::Doorbell doorbell_;
    bool mergeable_;
    std::uint16_t refill_threshold_;
    std::uint64_t burst_bytes_ = 0;
    std::unique_ptr<Buffer*[]> slots_;  // the buffer behind each descriptor
};

}  // namespace vmq::net
