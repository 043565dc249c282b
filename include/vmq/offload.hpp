// What is left to the device of a packet's checksum and of cutting it into segments. VIRTIO 1.3, 5.1.6.2 and 5.1.6.4.
#pragma once

#include <cstdint>

namespace vmq {

// What a received packet's checksum is worth.
enum class ChecksumState : std::uint8_t {
    unknown,  // to be verified
    good,     // the device has verified it
    partial,  // the packet comes from this machine: right, and not yet computed. Packet::offload says where it belongs
};

enum class Segmentation : std::uint8_t { none, tcpv4, tcpv6, udp };

// A received packet's: how it came, so that `packet.request(packet.offload())` sends it on. A packet's that is to be
// sent: what is asked for, of the device, or of this library where the device does not offer it.
struct Offload {
    // The ones' complement sum (RFC 1071) from checksum_start to the packet's end is to be stored checksum_offset bytes
    // behind checksum_start, where the pseudo header's sum lies already. Bytes, from the packet's front as it is sent.
    // To be sent with checksum_start 0: the TCP or UDP checksum, which send finds whatever the field holds.
    bool needs_checksum = false;
    std::uint16_t checksum_start = 0;
    std::uint16_t checksum_offset = 0;
    // The packet is to be cut into packets with up to segment_size bytes of payload each, or was put together from
    // such. When sent, this includes the checksum: nothing of the above needs to be set.
    Segmentation segmentation = Segmentation::none;
    std::uint16_t segment_size = 0;

    bool operator==(const Offload&) const = default;
};

// What the device may do with packets before it delivers them.
struct ReceiveOffloads {
    bool checksum = false;    // leave checksums partial, or tell that they are good
    bool coalescing = false;  // put segments of a flow together, up to 64 KiB; brings `checksum` with it

    bool operator==(const ReceiveOffloads&) const = default;
};

}  // namespace vmq
