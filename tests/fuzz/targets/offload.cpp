// The header in front of a received packet, what is read out of it, and what sending with that as a request comes to: a
// checksum or segments made here. VIRTIO 1.3, 5.1.6.2 and 5.1.6.4.
#include <algorithm>
#include <cstring>
#include <memory>

#include <vmq/packet.hpp>

#include "driver/net/offload/checksum.hpp"
#include "driver/net/offload/net_header.hpp"
#include "driver/net/packet_access.hpp"
#include "driver/net/requests.hpp"
#include "tests/fuzz/harness/input.hpp"
#include "tests/fuzz/harness/require.hpp"
#include "tests/fuzz/harness/targets.hpp"
#include "tests/fuzz/targets/hostile_memory.hpp"

namespace vmq::fuzz {
namespace {

using net::Buffer;
using net::PacketAccess;
using net::Requests;
using net::offload::Headers;
using virtio::Feature;

constexpr unsigned buffer_count = 96;
constexpr unsigned buffer_size = 384;
constexpr unsigned room = buffer_size - net::packet_offset;
constexpr std::uint32_t longest_packet = 1514;

// Kept from input to input, which is how it shows that no buffer gets lost.
struct Pool {
    Memory memory{std::size_t{buffer_count} * buffer_size};
    net::PacketPool pool{{memory.block()}, buffer_count, buffer_size, net::plain_header_size};
};

net::PacketPool& the_pool() {
    static const auto made = std::make_unique<Pool>();
    return made->pool;
}

// A packet as a device delivers it: header and bytes in one or more buffers.
Packet make_packet(net::PacketPool& pool, const virtio::NetHeader& header, std::span<const std::byte> frame,
                   std::size_t first_bytes) {
    Batch batch;
    const std::size_t in_first = std::min({first_bytes, frame.size(), std::size_t{room}});
    const std::size_t further = (frame.size() - in_first + room - 1) / room;
    std::size_t count = 1;
    const net::BufferRef first = *pool.take(count);
    std::memcpy(static_cast<void*>(first.data - sizeof header), &header, sizeof header);
    std::ranges::copy(frame.first(in_first), first.data);
    Buffer* last = first.buffer;
    for (auto rest = frame.subspan(in_first); !rest.empty();) {
        Buffer* const next = pool.take(count)->buffer;
        next->segment_data = next->base + net::packet_offset;
        next->segment_length = static_cast<std::uint32_t>(std::min<std::size_t>(room, rest.size()));
        std::ranges::copy(rest.first(next->segment_length), next->segment_data);
        rest = rest.subspan(next->segment_length);
        last = last->next_segment = next;
    }
    PacketAccess::emplace(batch, first.buffer, first.data, static_cast<std::uint32_t>(in_first),
                          PacketAccess::form_of(pool, static_cast<std::uint32_t>(1 + further)));
    return batch.take(0);
}

std::vector<std::byte> bytes_of(const Buffer* buffer) {
    std::vector<std::byte> bytes;
    for (; buffer != nullptr; buffer = buffer->next_segment) {
        const std::span<const std::byte> piece{buffer->segment_data, buffer->segment_length};
        bytes.insert(bytes.end(), piece.begin(), piece.end());
    }
    return bytes;
}

void require_right_checksum(std::span<const std::byte> frame, const Headers& headers) {
    net::offload::OnesSum sum;
    sum.add_word(headers.pseudo_sum());
    sum.add(frame.subspan(headers.transport()));
    require(sum.value() == 0xffff, "a checksum that was computed is right");
}

// The segments of a packet whose headers were `whole`; gives them back. Returns how many there were.
std::size_t look_at_segments(Buffer* segment, net::PacketPool& pool, const Headers& whole, std::size_t segment_size,
                             bool completely) {
    std::size_t count = 0;
    std::size_t payload = 0;
    for (Buffer* next = nullptr; segment != nullptr; segment = next, ++count) {
        next = segment->next_returned;
        const std::vector<std::byte> bytes = bytes_of(segment);
        const auto headers =
            Headers::find(std::span{bytes}.first(std::min<std::size_t>(bytes.size(), room)), bytes.size());
        require(headers.has_value() && headers->size() == whole.size(), "a segment has its packet's headers");
        require(headers->payload() <= segment_size, "no segment is longer than was asked for");
        if (completely) require_right_checksum(bytes, *headers);
        payload += headers->payload();
        pool.give_chain(segment);
    }
    require(payload == whole.payload(), "the segments' payload is the packet's");
    return count;
}

std::size_t send(Packet& packet, net::PacketPool& pool, virtio::FeatureSet features) {
    net::TransmitCounters counters;
    Requests requests{features, longest_packet, 64, counters};
    const auto whole = Headers::find(packet.bytes(), packet.total_length());
    const Offload request = PacketAccess::request(packet);
    switch (requests.prepare(packet, pool)) {
        case Requests::Way::refuse:
            return 0;
        case Requests::Way::plain:
            require(!PacketAccess::has_request(packet), "what is done is asked for no more");
            return 1;
        case Requests::Way::ask:
            require((requests.header().flags & virtio::net_header_flags::needs_csum) != 0,
                    "what the device is asked for includes the checksum");
            return 1;
        case Requests::Way::cut:
            break;
    }
    require(requests.buffers() <= 64, "a packet is cut into no more buffers than the ring has");
    Buffer* const first = requests.cut(packet, pool);
    return look_at_segments(first, pool, *whole, request.segment_size, !features.has(Feature::csum));
}

}  // namespace

std::size_t offload(std::span<const std::byte> bytes) {
    Input input{bytes};
    const std::uint8_t kind = input.u8();
    virtio::FeatureSet features;
    if ((kind & 1) != 0) features.add(Feature::csum);
    if ((kind & 2) != 0) features.add(Feature::host_tso4);
    if ((kind & 4) != 0) features.add(Feature::host_uso);
    const std::size_t first_bytes = 14 + input.u8();
    virtio::NetHeader header;
    std::array<std::byte, sizeof header> header_bytes{};
    std::ranges::copy(input.bytes(sizeof header), header_bytes.begin());
    std::memcpy(static_cast<void*>(&header), header_bytes.data(), sizeof header);
    const auto frame = input.bytes(24 * room);
    if (frame.empty()) return 0;

    net::PacketPool& pool = the_pool();
    std::size_t through = 0;
    {
        Packet packet = make_packet(pool, header, frame, first_bytes);
        Offload told = packet.offload();
        require(!told.needs_checksum || std::size_t{told.checksum_start} + told.checksum_offset + 2 <= frame.size(),
                "a checksum's place is inside its packet");
        require((packet.checksum() == ChecksumState::partial) == told.needs_checksum, "partial is told in both ways");
        if ((kind & 8) != 0) told.checksum_start = 0;  // to be found here
        packet.request(told);
        if (PacketAccess::has_request(packet)) through = send(packet, pool, features);
    }
    std::size_t count = buffer_count;
    static_cast<void>(pool.take(count));
    require(count == buffer_count, "every buffer comes back");
    pool.end_give(count);
    return through;
}

}  // namespace vmq::fuzz
