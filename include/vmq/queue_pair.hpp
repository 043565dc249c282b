// A receive/transmit pair in the hands of one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>

#include <vmq/export.hpp>
#include <vmq/memory.hpp>
#include <vmq/packet.hpp>
#include <vmq/stats.hpp>

namespace vmq {

namespace net {
class PairCore;
}

enum class WakeReason {
    // Packets are waiting, a full transmitq has room again, attached pieces have come back, or a parked pair is active
    // again.
    ready,
    timeout,
    parked,   // the pair has just left the current number of pairs; the next wait sleeps until it is active again
    stopped,  // the device is gone, closed, or the pair is broken: nothing will come any more
};

// Move-only; gives the pair back when it dies. Except where said otherwise, every call is made by the owning thread
// only, never blocks, never allocates and never throws.
class VMQ_EXPORT QueuePair {
public:
    QueuePair(QueuePair&& other) noexcept;
    QueuePair& operator=(QueuePair&& other) noexcept;
    ~QueuePair();

    // First gives back the packets still in the batch and refills the receiveq, with one notification at most; then
    // fills the batch with up to `most` received ones (Batch::capacity at most) and returns their number. Packets that
    // are given back in the order they came cost the least.
    std::size_t recv(Batch& batch, std::size_t most = Batch::capacity) noexcept;

    // Hands packets from the front of the batch to the device and returns how many it took; the rest stays, in order. A
    // packet that can never be sent (empty, longer than MTU + 14 bytes, 18 with a VLAN tag, too many segments)
    // is dropped, counted as tx_rejected and as taken. So is one with a request (Packet::request) that makes no sense:
    // offsets beyond its first segment, a segmentation that its headers are not made for (Ethernet, VLAN tags, IPv4 or
    // IPv6 of exactly the packet's length, TCP or UDP, all in the first segment), segments longer than the MTU allows
    // or more than the ring holds. A request is carried out by the device or, where it does not offer that, here: the
    // checksum is written into the packet, segments are copied to buffers of this pair's pool; a packet for whose
    // segments there is no room stays in the batch. The IPv4 header's checksum is the caller's. One notification at
    // most. While the pair is draining or parked, pair 0 sends the packets, provided a thread has it: nothing an
    // application answers is lost when its pair goes.
    std::size_t send(Batch& batch) noexcept;

    // Appends up to `count` packets of `length` bytes (cut to what a buffer holds) with 116 bytes of headroom (108
    // where HASH_REPORT was negotiated) from this
    // pair's pool; returns how many. What the bytes are is undefined.
    std::size_t allocate(Batch& batch, std::size_t count, std::size_t length = 0) noexcept;

    // Puts a piece of registered memory behind the packet's last segment, as a further one, without a copy; the device
    // reads it from where it lies, so it must stay as it is until `done` has been told. The packet's first segment, of
    // a pool, holds the headers. False, nothing has changed and `done` is never told: the packet is empty-handed or has
    // 64 segments, the piece is empty or not wholly inside `memory`, that belongs to another device, or as many of its
    // pieces as twice the ring has places are in packets through this pair. Once a packet has pieces, append and
    // tailroom are of no use; send, requests, relaying and dropping work as ever: see SendDone for when a piece is the
    // application's again. Segments that are cut here (tx_software_segments) are copied, all others are not, and
    // tx_attached_bytes counts their bytes.
    [[nodiscard]] bool attach(Packet& packet, const RegisteredMemory& memory, std::span<const std::byte> piece,
                              const SendDone& done = {}) noexcept;

    // Gives every packet back; faster than Batch::clear for packets of this pair's pool.
    void recycle(Batch& batch) noexcept;

    // Blocks until there is something to receive, room to send after a send that could not take all, pieces that were
    // attached have come back, a change of the pair's state, or the timeout. Negative: no timeout.
    WakeReason wait(std::chrono::nanoseconds timeout) noexcept;

    // For a program with its own event loop: call arm(); when it returns false there is work already, else poll
    // event_fd() for reading; when it is readable call recv and send as usual, then arm() again. The descriptor stays
    // the pair's. -1 in poll mode.
    [[nodiscard]] bool arm() noexcept;
    [[nodiscard]] int event_fd();  // made by the first call, which throws std::system_error when it cannot be

    [[nodiscard]] unsigned index() const noexcept;
    [[nodiscard]] bool active() const noexcept;
    [[nodiscard]] PairState status() const noexcept;
    // The vCPU it is placed on, -1: none. Another one once vCPUs go offline, come back, or may no longer be used.
    [[nodiscard]] int cpu() const noexcept;

private:
    friend class Device;
    explicit QueuePair(net::PairCore& core) noexcept : core_(&core) {}

    net::PairCore* core_;
};

}  // namespace vmq
