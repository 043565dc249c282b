// Packet and Batch: what is too rare or too long to be inline.
#include <algorithm>
#include <cstring>
#include <new>

#include <vmq/packet.hpp>

#include "driver/net/offload/net_header.hpp"
#include "driver/net/packet_access.hpp"

namespace vmq {

namespace {

// A copy of what the device wrote; any value may be there.
virtio::NetHeader received_header(const net::Buffer& first) noexcept {
    virtio::NetHeader header;
    const std::size_t size = first.home->header_size();
    std::memcpy(static_cast<void*>(&header), first.base + net::packet_offset - size, std::min(size, sizeof header));
    return header;
}

}  // namespace

void Packet::release() noexcept { net::PacketPool::give_chain_back(std::exchange(buffer_, nullptr)); }

std::span<std::byte> Packet::segment(std::size_t i) noexcept {
    if (i == 0) return bytes();
    net::Buffer* buffer = buffer_;
    for (; i > 0; --i) buffer = buffer->next_segment;
    return {buffer->segment_data, buffer->segment_length};
}

std::size_t Packet::total_length() const noexcept {
    std::size_t total = length_;
    if (segment_count() > 1)
        for (const net::Buffer* buffer = buffer_->next_segment; buffer != nullptr; buffer = buffer->next_segment)
            total += buffer->segment_length;
    return total;
}

std::size_t Packet::headroom() const noexcept {
    return static_cast<std::size_t>(data_ - buffer_->base) - buffer_->home->header_size();
}

std::size_t Packet::tailroom() const noexcept {
    if (segment_count() > 1) return 0;
    return static_cast<std::size_t>(buffer_->base + buffer_->home->buffer_size() - (data_ + length_));
}

// The device wrote it when the packet was received; any value may be there.
PacketHash Packet::hash() const noexcept {
    if (buffer_->home->header_size() != net::hash_header_size) return {};
    virtio::NetHashHeader header;
    std::memcpy(static_cast<void*>(&header), buffer_->base + net::packet_offset - sizeof header, sizeof header);
    const std::uint16_t report = header.hash_report.value();
    if (report > static_cast<std::uint16_t>(HashReport::udpv6_ex)) return {};
    return {header.hash_value.value(), static_cast<HashReport>(report)};
}

ChecksumState Packet::checksum() const noexcept {
    if ((form_ & moved_front) != 0) return ChecksumState::unknown;
    return net::offload::checksum_told_by(received_header(*buffer_), total_length());
}

Offload Packet::offload() const noexcept {
    if ((form_ & moved_front) != 0) return {};
    return net::offload::told_by(received_header(*buffer_), total_length());
}

void Packet::request(const Offload& offload) noexcept {
    buffer_->request = offload;
    const bool asks = offload.needs_checksum || offload.segmentation != Segmentation::none;
    form_ = asks ? form_ | has_request : form_ & ~has_request;
}

std::span<std::byte> Packet::prepend(std::size_t count) noexcept {
    if (count > headroom()) return {};
    data_ -= count;
    form_ |= moved_front;
    length_ += static_cast<std::uint32_t>(count);
    return {data_, count};
}

std::span<std::byte> Packet::append(std::size_t count) noexcept {
    if (count > tailroom()) return {};
    const std::span<std::byte> added{data_ + length_, count};
    length_ += static_cast<std::uint32_t>(count);
    return added;
}

bool Packet::trim_front(std::size_t count) noexcept {
    if (count > length_) return false;
    data_ += count;
    form_ |= moved_front;
    length_ -= static_cast<std::uint32_t>(count);
    return true;
}

bool Packet::trim(std::size_t count) noexcept {
    if (count > length_) return false;
    length_ -= static_cast<std::uint32_t>(count);
    return true;
}

bool Batch::push(Packet&& packet) noexcept {
    if (full()) return false;
    ::new (static_cast<void*>(slots_.packets + size_++)) Packet(std::move(packet));
    return true;
}

Packet Batch::take(std::size_t i) noexcept {
    Packet taken = std::move(slots_.packets[i]);
    for (std::size_t next = i + 1; next < size_; ++next) slots_.packets[next - 1] = std::move(slots_.packets[next]);
    --size_;
    return taken;
}

void Batch::clear() noexcept {
    for (std::size_t i = 0; i < size_; ++i) slots_.packets[i].~Packet();
    size_ = 0;
}

void Batch::take(Batch& other) noexcept {
    size_ = std::exchange(other.size_, 0);
    std::memcpy(static_cast<void*>(slots_.packets), static_cast<const void*>(other.slots_.packets),
                size_ * sizeof(Packet));
}

}  // namespace vmq
