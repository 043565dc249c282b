// The ways to ring. What is written is always the driver's last word, so nobody is told of a failure: a device that
// does not hear it is found by its silence.
#include "driver/virtio/doorbell.hpp"

#include <unistd.h>

#include "driver/support/endian.hpp"

namespace vmq::virtio {

void Doorbell::ring(std::uint16_t position) const noexcept {
    [[maybe_unused]] ssize_t written = 0;
    // 4.1.5.2.1: 16 bits, and with NOTIFICATION_DATA 32, of which the upper ones are next_off and next_wrap.
    const std::uint32_t whole = std::uint32_t{word_.queue} | std::uint32_t{position} << 16;
    const support::le32 stored{whole};
    const std::uint64_t one = 1;
    switch (kind_) {
        case Kind::mapped:
            if (word_.with_position) return window_.store(0, whole);
            return window_.store(0, word_.queue);
        case Kind::file:
            written = ::pwrite(fd_, &stored, word_.width(), static_cast<off_t>(offset_));
            break;
        case Kind::eventfd:
            written = ::write(fd_, &one, sizeof one);
            break;
        case Kind::none:
            break;
    }
}

}  // namespace vmq::virtio
