// The choice of the send routine.
#include "driver/net/transmitq.hpp"

#include <type_traits>

#include "driver/net/transmit_burst.hpp"

namespace vmq::net {

std::size_t transmitq_memory_size(virtio::RingFormat format, bool indirect, std::uint16_t size) noexcept {
    return ring_memory_size(format, size) + (indirect ? IndirectTables::memory_size : 0);
}

std::unique_ptr<Transmitq> make_transmitq(const QueueMemory& memory, std::uint16_t size, virtio::RingFormat format,
                                          bool indirect, bool hashes, std::uint32_t max_packet_bytes,
                                          virtio::FeatureSet features) {
    const auto make = [&]<typename Ring, std::uint32_t header_size>() -> std::unique_ptr<Transmitq> {
        return std::make_unique<TransmitBurst<Ring, header_size>>(memory, size, format, indirect, max_packet_bytes,
                                                                  features);
    };
    const auto make_on = [&]<typename Ring>(std::type_identity<Ring>) {
        return hashes ? make.template operator()<Ring, hash_header_size>()
                      : make.template operator()<Ring, plain_header_size>();
    };
    if (format.packed) return make_on(std::type_identity<virtio::PackedRing>{});
    return make_on(std::type_identity<virtio::SplitRing>{});
}

}  // namespace vmq::net
