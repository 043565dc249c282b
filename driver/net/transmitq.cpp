// The choice of the send routine.
#include "driver/net/transmitq.hpp"

#include "driver/net/transmit_burst.hpp"

namespace vmq::net {

std::size_t transmitq_memory_size(virtio::RingFormat format, bool indirect, std::uint16_t size) noexcept {
    return ring_memory_size(format, size) + (indirect ? IndirectTables::memory_size : 0);
}

std::unique_ptr<Transmitq> make_transmitq(const QueueMemory& memory, std::uint16_t size, virtio::RingFormat format,
                                          bool indirect, std::uint32_t max_packet_bytes) {
    if (format.packed)
        return std::make_unique<TransmitBurst<virtio::PackedRing>>(memory, size, format, indirect, max_packet_bytes);
    return std::make_unique<TransmitBurst<virtio::SplitRing>>(memory, size, format, indirect, max_packet_bytes);
}

}  // namespace vmq::net
