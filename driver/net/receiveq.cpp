// The choice of the receive routine.
#include "driver/net/receiveq.hpp"

#include <type_traits>

#include "driver/net/receive_burst.hpp"

namespace vmq::net {

std::unique_ptr<Receiveq> make_receiveq(const QueueMemory& memory, std::uint16_t size, virtio::RingFormat format,
                                        bool mergeable) {
    const auto make = [&]<typename Ring>(std::type_identity<Ring>) -> std::unique_ptr<Receiveq> {
        if (mergeable) return std::make_unique<ReceiveBurst<Ring, true>>(memory, size, format);
        return std::make_unique<ReceiveBurst<Ring, false>>(memory, size, format);
    };
    if (format.packed) return make(std::type_identity<virtio::PackedRing>{});
    return make(std::type_identity<virtio::SplitRing>{});
}

}  // namespace vmq::net
