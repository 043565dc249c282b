// The driver's door into the public packet handles.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <new>

#include <vmq/packet.hpp>

#include "driver/net/packet_pool.hpp"

namespace vmq::net {

struct PacketAccess {
    static std::byte* data(const Packet& packet) noexcept { return packet.data_; }
    static std::uint32_t length(const Packet& packet) noexcept { return packet.length_; }
    static std::uint32_t form(const Packet& packet) noexcept { return packet.form_; }
    static Buffer* buffer(const Packet& packet) noexcept { return packet.buffer_; }
    static bool has_request(const Packet& packet) noexcept { return (packet.form_ & Packet::has_request) != 0; }
    static const Offload& request(const Packet& packet) noexcept { return packet.buffer_->request; }

    // Length and form in one word, so that one comparison finds what is not one whole buffer.
    static std::uint64_t shape(const Packet& packet) noexcept {
        static_assert(offsetof(Packet, length_) == 16 && offsetof(Packet, form_) == 20);
        if constexpr (std::endian::native != std::endian::little)
            return std::uint64_t{packet.form_} << 32 | packet.length_;
        std::uint64_t shape;
        std::memcpy(&shape, reinterpret_cast<const std::byte*>(&packet) + 16, sizeof shape);
        return shape;
    }
    // Of a packet that is one whole buffer of `pool`.
    static std::uint64_t whole(const PacketPool& pool, std::uint64_t length) noexcept {
        return std::uint64_t{form_of(pool, 1)} << 32 | length;
    }
    static std::uint32_t form_of(const PacketPool& pool, std::uint32_t segments) noexcept {
        return std::uint32_t{pool.tag()} << 16 | segments;
    }
    static void copy_ref(BufferRef& ref, const Packet& packet) noexcept {
        std::memcpy(&ref, static_cast<const void*>(&packet), sizeof ref);
    }
    // Makes a packet of one whole buffer in raw storage.
    static void place(Packet* storage, const BufferRef& ref, std::uint64_t shape) noexcept {
        static_assert(sizeof(BufferRef) == offsetof(Packet, length_));
        std::memcpy(static_cast<void*>(storage), &ref, sizeof ref);
        if constexpr (std::endian::native != std::endian::little) shape = std::rotl(shape, 32);
        std::memcpy(reinterpret_cast<std::byte*>(storage) + sizeof ref, &shape, sizeof shape);
    }

    // Takes the buffers from a handle, which is empty then.
    static Buffer* detach(Packet& packet) noexcept {
        packet.form_ = 0;
        return std::exchange(packet.buffer_, nullptr);
    }

    // Hangs a further segment, which knows its own bytes, behind the last.
    static void add_segment(Packet& packet, Buffer& segment) noexcept {
        Buffer* last = packet.buffer_;
        while (last->next_segment != nullptr) last = last->next_segment;
        last->next_segment = &segment;
        ++packet.form_;
    }

    static Packet* storage(Batch& batch) noexcept { return batch.slots_.packets; }
    static void set_size(Batch& batch, std::size_t size) noexcept { batch.size_ = size; }

    // The caller has checked that the batch is not full.
    static void emplace(Batch& batch, Buffer* buffer, std::byte* data, std::uint32_t length,
                        std::uint32_t form) noexcept {
        auto* packet = ::new (static_cast<void*>(batch.slots_.packets + batch.size_++)) Packet;
        packet->data_ = data;
        packet->buffer_ = buffer;
        packet->length_ = length;
        packet->form_ = form;
    }

    // Forgets the first `count` packets, whose buffers the caller has taken; the others move to the front.
    static void drop_front(Batch& batch, std::size_t count) noexcept {
        batch.size_ -= count;
        if (count == 0 || batch.size_ == 0) return;
        // The handles are plain words, so moving the bytes moves the ownership.
        std::memmove(static_cast<void*>(batch.slots_.packets), static_cast<const void*>(batch.slots_.packets + count),
                     batch.size_ * sizeof(Packet));
    }
};

}  // namespace vmq::net
