// One receive virtqueue: packets come out checked, buffers go in. VIRTIO 1.3, 5.1.6.4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <vmq/packet.hpp>

#include "driver/net/counter.hpp"
#include "driver/net/packet_pool.hpp"
#include "driver/net/queue_memory.hpp"
#include "driver/virtio/doorbell.hpp"
#include "driver/virtio/queue_config.hpp"
#include "driver/virtio/ring.hpp"

namespace vmq::net {

struct ReceiveCounters {
    Counter packets, bytes, drops_oversized, drops_short, drops_bad_header, lost, refill_failures, notifies;
};

// One owner thread. What is specialised for the form of the ring is virtual: one such call a burst.
class Receiveq {
public:
    virtual ~Receiveq() = default;
    Receiveq(const Receiveq&) = delete;
    Receiveq& operator=(const Receiveq&) = delete;

    // Before the first fill; the pool must outlive the queue.
    virtual void use_pool(PacketPool& pool) noexcept = 0;
    void set_doorbell(virtio::Doorbell doorbell) noexcept { doorbell_ = doorbell; }
    // Tells the device of what is posted, whatever it asked for. Any thread.
    virtual void notify() const noexcept = 0;
    [[nodiscard]] virtual virtio::QueueConfig config(virtio::VectorIndex vector) const noexcept = 0;

    // Gives the device buffers for those that it used before, once there are enough to be worth a publication; then
    // fills the batch, which must be empty, with up to `most` packets.
    virtual void receive(Batch& batch, std::size_t most) noexcept = 0;
    // Gives the device as many buffers as there are, if that is worth it; notifies.
    virtual void refill() noexcept = 0;
    // The same however few; does not notify.
    virtual void fill() noexcept = 0;
    // The device has been reset: everything posted goes back to the pool, what was delivered in it is counted as lost,
    // and the ring starts anew, full.
    virtual void restart() noexcept = 0;
    // Once the queue alone has been reset: fills the batch, which must be empty, with what was delivered, and gives the
    // device nothing; then, when there is no more, everything posted goes back to the pool, and the ring starts anew,
    // empty. VIRTIO 1.3, 2.6.1.
    virtual void take_delivered(Batch& batch) noexcept = 0;
    virtual void empty() noexcept = 0;

    [[nodiscard]] virtual bool has_used() const noexcept = 0;
    [[nodiscard]] virtual bool arm() noexcept = 0;
    virtual void disarm() noexcept = 0;
    // One of the two below.
    [[nodiscard]] bool ails() const noexcept { return broken_ || short_of_buffers_; }
    // The device broke the ring's rules; nothing comes any more.
    [[nodiscard]] bool broken() const noexcept { return broken_; }
    // The last refill found too few buffers in the pool.
    [[nodiscard]] bool short_of_buffers() const noexcept { return short_of_buffers_; }
    [[nodiscard]] virtual std::uint32_t size() const noexcept = 0;
    // True when receive descriptors are missing because the pool ran dry.
    [[nodiscard]] virtual bool starved() const noexcept = 0;

    ReceiveCounters counters;

protected:
    Receiveq() = default;
    virtio::Doorbell doorbell_;
    bool broken_ = false;
    bool short_of_buffers_ = false;
};

// The queue specialised for what was negotiated.
[[nodiscard]] std::unique_ptr<Receiveq> make_receiveq(const QueueMemory& memory, std::uint16_t size,
                                                      virtio::RingFormat format, bool mergeable, HeaderForm header);

}  // namespace vmq::net
