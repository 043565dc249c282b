// The choice of the receive routine.
#include "driver/net/receiveq.hpp"

#include <type_traits>

#include "driver/net/receive_burst.hpp"

namespace vmq::net {

std::unique_ptr<Receiveq> make_receiveq(const QueueMemory& memory, std::uint16_t size, virtio::RingFormat format,
                                        bool mergeable, HeaderForm header) {
    // Header and packet in one descriptor of all sizes but a legacy device's: those that have it also merge.
    if (header.size == legacy_header_size)
        return std::make_unique<ReceiveBurst<virtio::SplitRing, false, legacy_header_size>>(memory, size, format,
                                                                                            header.apart);
    const auto make = [&]<typename Ring, std::uint32_t header_size>() -> std::unique_ptr<Receiveq> {
        if (mergeable) return std::make_unique<ReceiveBurst<Ring, true, header_size>>(memory, size, format, false);
        return std::make_unique<ReceiveBurst<Ring, false, header_size>>(memory, size, format, false);
    };
    const auto make_on = [&]<typename Ring>(std::type_identity<Ring>) {
        return header.size == hash_header_size ? make.template operator()<Ring, hash_header_size>()
                                               : make.template operator()<Ring, plain_header_size>();
    };
    if (format.packed) return make_on(std::type_identity<virtio::PackedRing>{});
    return make_on(std::type_identity<virtio::SplitRing>{});
}

}  // namespace vmq::net
