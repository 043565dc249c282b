// The driver's door into the public packet handles.
#pragma once

#include <cstring>
#include <new>

#include <vmq/packet.hpp>

#include "driver/net/packet_pool.hpp"

namespace vmq::net {

struct PacketAccess {
    static std::byte* data(const Packet& packet) noexcept { return packet.data_; }
    static std::uint32_t length(const Packet& packet) noexcept { return packet.length_; }
    static std::uint32_t segments(const Packet& packet) noexcept { return packet.segments_; }
    static Buffer* buffer(const Packet& packet) noexcept { return packet.buffer_; }

    // Takes the buffers from a handle, which is empty then.
    static Buffer* detach(Packet& packet) noexcept { return std::exchange(packet.buffer_, nullptr); }

    // The caller has checked that the batch is not full.
    static void emplace(Batch& batch, Buffer* buffer, std::byte* data, std::uint32_t length,
                        std::uint32_t segments) noexcept {
        auto* packet = ::new (static_cast<void*>(batch.slots_.packets + batch.size_++)) Packet;
        packet->data_ = data;
        packet->buffer_ = buffer;
        packet->length_ = length;
        packet->segments_ = segments;
    }

    // Forgets the first `count` packets, whose buffers the caller has taken; the others move to the front.
    static void drop_front(Batch& batch, std::size_t count) noexcept {
        if (count == 0) return;
        batch.size_ -= count;
        // The handles are plain words; those in front are empty, so moving the bytes moves the ownership.
        std::memmove(static_cast<void*>(batch.slots_.packets), static_cast<const void*>(batch.slots_.packets + count),
                     batch.size_ * sizeof(Packet));
    }
};

}  // namespace vmq::net
