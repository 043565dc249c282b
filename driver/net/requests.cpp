// What becomes of packets that are sent with a request.
#include "driver/net/requests.hpp"

#include <algorithm>
#include <cstring>

#include "driver/net/offload/checksum.hpp"
#include "driver/net/packet_access.hpp"

namespace vmq::net {

using offload::Headers;
using offload::OnesSum;

namespace {

std::size_t room_of(const PacketPool& pool) noexcept { return pool.buffer_size() - packet_offset; }

std::size_t divided(std::size_t bytes, std::size_t by) noexcept { return (bytes + by - 1) / by; }

bool is_made_for(const Headers& headers, Segmentation segmentation) noexcept {
    if (segmentation == Segmentation::udp) return headers.udp();
    return !headers.udp() && headers.ipv6() == (segmentation == Segmentation::tcpv6);
}

void write_word(std::span<std::byte> bytes, std::size_t at, std::uint16_t word) noexcept {
    bytes[at] = static_cast<std::byte>(word >> 8);
    bytes[at + 1] = static_cast<std::byte>(word);
}

// Goes through a packet's bytes from `skipped` on, which lie in its first segment.
class Reader {
public:
    Reader(const Packet& packet, std::size_t skipped) noexcept
        : left_(packet.bytes().subspan(skipped)), next_(PacketAccess::buffer(packet)->next_segment) {}

    // The next bytes, at most `most` of them, as they lie in one segment; empty at the packet's end.
    [[nodiscard]] std::span<const std::byte> next(std::size_t most) noexcept {
        while (left_.empty() && next_ != nullptr) {
            left_ = {next_->segment_data, next_->segment_length};
            next_ = next_->next_segment;
        }
        const auto taken = left_.first(std::min(most, left_.size()));
        left_ = left_.subspan(taken.size());
        return taken;
    }

private:
    std::span<const std::byte> left_;
    const Buffer* next_;
};

// Puts one segment's bytes into buffers.
class Writer {
public:
    Writer(const BufferRef*& refs, std::size_t room) noexcept : refs_(refs), room_(room), last_(first_) { next(); }

    [[nodiscard]] Buffer* first() const noexcept { return first_; }
    // How many of the next bytes lie together, at least one; and puts up to so many there.
    [[nodiscard]] std::size_t room() noexcept {
        if (last_->segment_length == room_) next();
        return room_ - last_->segment_length;
    }
    std::span<std::byte> write(std::span<const std::byte> bytes) noexcept {
        const std::span<std::byte> to{last_->segment_data + last_->segment_length, bytes.size()};
        std::memcpy(to.data(), bytes.data(), to.size());
        last_->segment_length += static_cast<std::uint32_t>(to.size());
        return to;
    }

private:
    void next() noexcept {
        Buffer* const buffer = (refs_++)->buffer;
        buffer->segment_data = buffer->base + packet_offset;
        buffer->segment_length = 0;
        buffer->next_segment = nullptr;
        (first_ == nullptr ? first_ : last_->next_segment) = buffer;
        last_ = buffer;
    }

    const BufferRef*& refs_;
    std::size_t room_;
    Buffer* first_ = nullptr;
    Buffer* last_;
};

// With the payload that its headers tell of, which the device may have cut into any pieces.
void make_segment(const Headers& headers, Reader& payload, Writer& writer, bool completely) noexcept {
    const std::span<std::byte> front = writer.write(headers.bytes());
    OnesSum sum;
    if (completely) sum.add(front.subspan(headers.transport()));
    for (std::size_t left = headers.payload(); left > 0;) {
        const std::span<std::byte> written = writer.write(payload.next(std::min(left, writer.room())));
        if (completely) sum.add(written);
        left -= written.size();
    }
    if (completely) write_word(front, headers.transport() + headers.checksum_offset(), sum.checksum());
}

}  // namespace

Requests::Way Requests::prepare(Packet& packet, const PacketPool& pool) noexcept {
    const Offload request = PacketAccess::request(packet);
    if (packet.segment_count() > std::min<std::size_t>(max_segments, ring_size_)) return Way::refuse;
    if (request.segmentation != Segmentation::none) return prepare_segments(packet, request, pool);
    return prepare_checksum(packet, request);
}

Requests::Way Requests::prepare_checksum(Packet& packet, const Offload& request) noexcept {
    const std::size_t length = packet.total_length();
    if (length > max_packet_bytes_ + offload::tag_bytes(packet.bytes())) return Way::refuse;
    if (request.checksum_start != 0) return complete(packet, request.checksum_start, request.checksum_offset);
    const auto headers = Headers::find(packet.bytes(), length);
    return headers ? complete(packet, *headers) : Way::refuse;
}

Requests::Way Requests::complete(Packet& packet, const Headers& headers) noexcept {
    write_word(packet.bytes(), headers.transport() + headers.checksum_offset(), headers.pseudo_sum());
    return complete(packet, headers.transport(), headers.checksum_offset());
}

Requests::Way Requests::complete(Packet& packet, std::size_t start, std::size_t offset) noexcept {
    if (start + offset + 2 > packet.bytes().size()) return Way::refuse;
    if (offloads_.checksum()) {
        header_ = offload::checksum_request(start, offset);
        return Way::ask;
    }
    OnesSum sum;
    Reader reader(packet, start);
    for (auto piece = reader.next(SIZE_MAX); !piece.empty(); piece = reader.next(SIZE_MAX)) sum.add(piece);
    write_word(packet.bytes(), start + offset, sum.checksum());
    counters_.software_checksums.add();
    packet.request({});
    return Way::plain;
}

Requests::Way Requests::prepare_segments(Packet& packet, const Offload& request, const PacketPool& pool) noexcept {
    const std::size_t length = packet.total_length();
    headers_ = Headers::find(packet.bytes(), length);
    segment_size_ = request.segment_size;
    if (!headers_ || segment_size_ == 0 || !is_made_for(*headers_, request.segmentation)) return Way::refuse;
    const std::size_t longest = headers_->size() + std::min(segment_size_, headers_->payload());
    if (longest > max_packet_bytes_ + offload::tag_bytes(packet.bytes())) return Way::refuse;
    if (headers_->payload() <= segment_size_) return complete(packet, *headers_);
    if (!offloads_.segments(*headers_)) return prepare_cut(pool);
    // 5.1.6.2.1: NEEDS_CSUM comes with it.
    write_word(packet.bytes(), headers_->transport() + headers_->checksum_offset(), headers_->pseudo_sum());
    header_ = offload::segment_request(*headers_, request.segment_size);
    return Way::ask;
}

Requests::Way Requests::prepare_cut(const PacketPool& pool) noexcept {
    const std::size_t room = room_of(pool);
    const std::size_t each = divided(headers_->size() + segment_size_, room);
    const std::size_t last = (headers_->payload() - 1) % segment_size_ + 1;
    buffers_ = headers_->payload() / segment_size_ * each;
    if (last != segment_size_) buffers_ += divided(headers_->size() + last, room);
    if (headers_->size() > room || each > max_segments || buffers_ > ring_size_) return Way::refuse;
    header_ = {};
    if (offloads_.checksum()) header_ = offload::checksum_request(headers_->transport(), headers_->checksum_offset());
    return Way::cut;
}

Buffer* Requests::cut(const Packet& packet, PacketPool& pool) noexcept {
    std::size_t granted = buffers_;
    const BufferRef* refs = pool.take(granted);
    if (granted < buffers_) {
        pool.end_give(granted);
        return nullptr;
    }
    Reader payload(packet, headers_->size());
    Buffer* first = nullptr;
    Buffer** link = &first;
    std::size_t segments = 0;
    for (std::size_t from = 0; from < headers_->payload(); from += segment_size_, ++segments) {
        const std::size_t count = std::min(segment_size_, headers_->payload() - from);
        Writer writer(refs, room_of(pool));
        make_segment(headers_->segment(from, count, segments), payload, writer, !offloads_.checksum());
        *link = writer.first();
        link = &writer.first()->next_returned;
    }
    *link = nullptr;
    counters_.software_segments.add(segments);
    if (!offloads_.checksum()) counters_.software_checksums.add(segments);
    return first;
}

}  // namespace vmq::net
