// What becomes of packets that are sent with a request: the device is asked, or the work is done here.
// VIRTIO 1.3, 5.1.6.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <vmq/packet.hpp>

#include "driver/net/offload/headers.hpp"
#include "driver/net/offload/net_header.hpp"
#include "driver/net/packet_pool.hpp"
#include "driver/net/transmitq.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::net {

// Of one transmitq; its owner only.
class Requests {
public:
    // `max_packet_bytes`: of one packet on the line, without a VLAN tag.
    Requests(virtio::FeatureSet features, std::uint32_t max_packet_bytes, std::uint32_t ring_size,
             TransmitCounters& counters) noexcept
        : offloads_(features), max_packet_bytes_(max_packet_bytes), ring_size_(ring_size), counters_(counters) {}

    enum class Way {
        refuse,  // it makes no sense
        plain,   // all is done, and the request gone
        ask,     // header() asks the device
        cut,     // into packets of buffers() buffers of the pool together
    };
    // Looks at a packet with a request; a checksum that the device does not compute is computed.
    [[nodiscard]] Way prepare(Packet& packet, const PacketPool& pool) noexcept;

    // Of the packet prepared last: what lies in front of it, or of each of its segments.
    [[nodiscard]] const virtio::NetHeader& header() const noexcept { return header_; }
    [[nodiscard]] std::size_t buffers() const noexcept { return buffers_; }
    // Copies it into segments. Returns the first one's first buffer, which knows its own bytes (segment_data); further
    // buffers hang on next_segment, the next segment on next_returned. nullptr: the pool has not enough.
    [[nodiscard]] Buffer* cut(const Packet& packet, PacketPool& pool) noexcept;

private:
    [[nodiscard]] Way prepare_checksum(Packet& packet, const Offload& request) noexcept;
    [[nodiscard]] Way prepare_segments(Packet& packet, const Offload& request, const PacketPool& pool) noexcept;
    [[nodiscard]] Way prepare_cut(const PacketPool& pool) noexcept;
    [[nodiscard]] Way complete(Packet& packet, std::size_t start, std::size_t offset) noexcept;
    [[nodiscard]] Way complete(Packet& packet, const offload::Headers& headers) noexcept;

    offload::SendOffloads offloads_;
    std::uint32_t max_packet_bytes_;
    std::uint32_t ring_size_;
    TransmitCounters& counters_;

    // Of the packet prepared last.
    virtio::NetHeader header_;
    std::optional<offload::Headers> headers_;
    std::size_t segment_size_ = 0;
    std::size_t buffers_ = 0;
};

}  // namespace vmq::net
