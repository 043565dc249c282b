// One transmit virtqueue: packets go out in place, buffers come back in bulk. VIRTIO 1.3, 5.1.6.2.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <vmq/packet.hpp>

#include "driver/net/counter.hpp"
#include "driver/net/packet_pool.hpp"
#include "driver/net/queue_memory.hpp"
#include "driver/virtio/doorbell.hpp"
#include "driver/virtio/features.hpp"

namespace vmq::net {

struct TransmitCounters {
    Counter packets, bytes, attached_bytes, software_checksums, software_segments, completed, lost, rejected, ring_full,
        notifies;
};

// One owner thread. What is specialised for the form of the ring is virtual: one such call a burst.
class Transmitq {
public:
    virtual ~Transmitq() = default;
    Transmitq(const Transmitq&) = delete;
    Transmitq& operator=(const Transmitq&) = delete;

    virtual void use_pool(PacketPool& pool) noexcept = 0;
    void set_doorbell(virtio::Doorbell doorbell) noexcept { doorbell_ = doorbell; }
    [[nodiscard]] virtual virtio::QueueConfig config(virtio::VectorIndex vector) const noexcept = 0;

    // Takes packets from the front of the batch as long as there is room; returns how many.
    virtual std::size_t send(Batch& batch) noexcept = 0;
    // Takes back what the device has finished with.
    virtual void reclaim() noexcept = 0;
    // The device has been reset: what was in flight is lost, and the ring starts anew.
    virtual void restart() noexcept = 0;

    [[nodiscard]] virtual bool arm() noexcept = 0;
    virtual void disarm() noexcept = 0;
    // The device broke the ring's rules; nothing comes back any more.
    [[nodiscard]] bool broken() const noexcept { return concerns_.broken; }
    // Memory of the application's own is in flight, which waits to be told when it is back.
    [[nodiscard]] std::size_t pieces() const noexcept { return pieces_; }
    // One of the two, in one look.
    [[nodiscard]] bool ails() const noexcept { return std::bit_cast<std::uint16_t>(concerns_) != 0; }
    [[nodiscard]] virtual std::uint32_t size() const noexcept = 0;
    [[nodiscard]] virtual bool idle() const noexcept = 0;  // nothing is in flight
    // After a send that could not take all: true until there is room for a burst again.
    [[nodiscard]] bool blocked() const noexcept { return blocked_; }

    TransmitCounters counters;

protected:
    Transmitq() = default;
    virtio::Doorbell doorbell_;
    bool blocked_ = false;
    std::size_t pieces_ = 0;
    struct Concerns {
        bool broken = false;
        bool pieces = false;  // there are any
    } concerns_;
};

// A transmitq's memory: the ring, and with INDIRECT_DESC the tables for packets of several segments.
[[nodiscard]] std::size_t transmitq_memory_size(virtio::RingFormat format, bool indirect, std::uint16_t size) noexcept;
[[nodiscard]] std::unique_ptr<Transmitq> make_transmitq(const QueueMemory& memory, std::uint16_t size,
                                                        virtio::RingFormat format, bool indirect, HeaderForm header,
                                                        std::uint32_t max_packet_bytes, virtio::FeatureSet features);

}  // namespace vmq::net
