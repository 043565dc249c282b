// The choice of the send routine.
#include "driver/net/transmitq.hpp"

#include <type_traits>

#include "driver/net/transmit_burst.hpp"

namespace vmq::net {

std::size_t transmitq_memory_size(virtio::RingFormat format, bool indirect, std::uint16_t size) noexcept {
    return ring_memory_size(format, size) + (indirect ? IndirectTables::memory_size : 0);
}

std::unique_ptr<Transmitq> make_transmitq(const QueueMemory& memory, std::uint16_t size, virtio::RingFormat format,
                                          bool indirect, HeaderForm header, std::uint32_t max_packet_bytes,
                                          virtio::FeatureSet features) {
    const auto make = [&]<typename Ring, std::uint32_t header_size>() -> std::unique_ptr<Transmitq> {
        return std::make_unique<TransmitBurst<Ring, header_size>>(memory, size, format, indirect, header.apart,
                                                                  max_packet_bytes, features);
    };
    if (header.size == legacy_header_size) return make.operator()<virtio::SplitRing, legacy_header_size>();
    const auto make_on = [&]<typename Ring>(std::type_identity<Ring>) {
        return header.size == hash_header_size ? make.template operator()<Ring, hash_header_size>()
                                               : make.template operator()<Ring, plain_header_size>();
    };
    if (format.packed) return make_on(std::type_identity<virtio::PackedRing>{});
    return make_on(std::type_identity<virtio::SplitRing>{});
}

}  // namespace vmq::net
