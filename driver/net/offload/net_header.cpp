// Reading and writing the virtio-net header's offload fields.
#include "driver/net/offload/net_header.hpp"

namespace vmq::net::offload {

using virtio::Feature;

namespace {

constexpr std::size_t ethernet_header = 14;

bool needs_checksum(const virtio::NetHeader& header, std::size_t length) noexcept {
    namespace flags = virtio::net_header_flags;
    if ((header.flags & flags::needs_csum) == 0 || (header.flags & flags::rsc_info) != 0) return false;
    const std::size_t start = header.csum_start.value();
    return start >= ethernet_header && start + header.csum_offset.value() + 2 <= length;
}

Segmentation segmentation(std::uint8_t gso_type) noexcept {
    switch (gso_type & ~virtio::gso_type::ecn) {
        case virtio::gso_type::tcpv4:
            return Segmentation::tcpv4;
        case virtio::gso_type::tcpv6:
            return Segmentation::tcpv6;
        case virtio::gso_type::udp_l4:
            return Segmentation::udp;
        default:
            return Segmentation::none;
    }
}

std::uint8_t gso_type(const Headers& headers) noexcept {
    if (headers.udp()) return virtio::gso_type::udp_l4;
    const std::uint8_t type = headers.ipv6() ? virtio::gso_type::tcpv6 : virtio::gso_type::tcpv4;
    return headers.has_cwr() ? type | virtio::gso_type::ecn : type;
}

}  // namespace

Offload told_by(const virtio::NetHeader& header, std::size_t length) noexcept {
    Offload offload;
    if (needs_checksum(header, length)) {
        offload.needs_checksum = true;
        offload.checksum_start = header.csum_start.value();
        offload.checksum_offset = header.csum_offset.value();
    }
    const std::uint16_t size = header.gso_size.value();
    if (size != 0 && size < length) offload.segmentation = segmentation(header.gso_type);
    if (offload.segmentation != Segmentation::none) offload.segment_size = size;
    return offload;
}

ChecksumState checksum_told_by(const virtio::NetHeader& header, std::size_t length) noexcept {
    if ((header.flags & virtio::net_header_flags::needs_csum) != 0)
        return needs_checksum(header, length) ? ChecksumState::partial : ChecksumState::unknown;
    return (header.flags & virtio::net_header_flags::data_valid) != 0 ? ChecksumState::good : ChecksumState::unknown;
}

bool SendOffloads::segments(const Headers& headers) const noexcept {
    if (headers.udp()) return features_.has(Feature::host_uso);
    // 5.1.6.2.1: no packet with CWR without HOST_ECN.
    if (headers.has_cwr() && !features_.has(Feature::host_ecn)) return false;
    return features_.has(headers.ipv6() ? Feature::host_tso6 : Feature::host_tso4);
}

virtio::NetHeader checksum_request(std::size_t start, std::size_t offset) noexcept {
    virtio::NetHeader header{};
    header.flags = virtio::net_header_flags::needs_csum;
    header.csum_start = static_cast<std::uint16_t>(start);
    header.csum_offset = static_cast<std::uint16_t>(offset);
    return header;
}

virtio::NetHeader segment_request(const Headers& headers, std::uint16_t segment_size) noexcept {
    virtio::NetHeader header = checksum_request(headers.transport(), headers.checksum_offset());
    header.gso_type = gso_type(headers);
    header.hdr_len = static_cast<std::uint16_t>(headers.size());
    header.gso_size = segment_size;
    return header;
}

}  // namespace vmq::net::offload
