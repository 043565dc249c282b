// A packet and a batch of packets: plain handles that own buffers of a queue pair's pool.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <vmq/export.hpp>
#include <vmq/offload.hpp>
#include <vmq/rss.hpp>

namespace vmq {

namespace net {
struct Buffer;
struct PacketAccess;
}  // namespace net

// One packet. Owns its buffers; move-only. One thread at a time. Must not outlive its Device.
class VMQ_EXPORT Packet {
public:
    Packet() noexcept = default;
    Packet(Packet&& other) noexcept
        : data_(other.data_),
          buffer_(std::exchange(other.buffer_, nullptr)),
          length_(other.length_),
          form_(std::exchange(other.form_, 0)) {}
    Packet& operator=(Packet&& other) noexcept {
        if (this != &other) {
            if (buffer_ != nullptr) release();
            data_ = other.data_;
            buffer_ = std::exchange(other.buffer_, nullptr);
            length_ = other.length_;
            form_ = std::exchange(other.form_, 0);
        }
        return *this;
    }
    Packet(const Packet&) = delete;
    Packet& operator=(const Packet&) = delete;
    ~Packet() {
        if (buffer_ != nullptr) release();
    }

    // False for a moved-from or default-constructed handle, on which nothing else may be called.
    [[nodiscard]] explicit operator bool() const noexcept { return buffer_ != nullptr; }

    // The first (usually the only) segment's bytes, from the Ethernet header on.
    [[nodiscard]] std::span<std::byte> bytes() noexcept { return {data_, length_}; }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, length_}; }

    // Number of segments, and the bytes of segment i; segment 0 is bytes(). More than one where the device spread a
    // packet over several buffers (VIRTIO_NET_F_MRG_RXBUF), or pieces of registered memory were attached.
    [[nodiscard]] std::size_t segment_count() const noexcept { return form_ & segment_mask; }
    [[nodiscard]] std::span<std::byte> segment(std::size_t i) noexcept;
    // Bytes in all segments.
    [[nodiscard]] std::size_t total_length() const noexcept;

    // How the device hashed a received packet; HashReport::none where it did not, or HASH_REPORT was not negotiated.
    // Meaningless for a packet that was allocated or has been sent.
    [[nodiscard]] PacketHash hash() const noexcept;

    // How the device left a received packet's checksum and segments (Options::receive_checksum, receive_coalescing):
    // read from what it wrote when asked for, with what makes no sense for the packet's length left out. Nothing once
    // the packet's front has been moved. Meaningless for a packet that was allocated or has been sent.
    [[nodiscard]] ChecksumState checksum() const noexcept;
    [[nodiscard]] Offload offload() const noexcept;
    // What is to be done when the packet is sent, once; an Offload{} takes it back. See QueuePair::send.
    void request(const Offload& offload) noexcept;

    // Bytes that prepend and append can still take. append works on a packet of one segment.
    [[nodiscard]] std::size_t headroom() const noexcept;
    [[nodiscard]] std::size_t tailroom() const noexcept;

    // Grow the packet at its front or end by `count` bytes and return the new ones, whose content is undefined; an
    // empty span, and the packet unchanged, when there is no room.
    [[nodiscard]] std::span<std::byte> prepend(std::size_t count) noexcept;
    [[nodiscard]] std::span<std::byte> append(std::size_t count) noexcept;
    // Cut bytes off the front or the end of the first segment; false, and the packet unchanged, when it has fewer.
    bool trim_front(std::size_t count) noexcept;
    bool trim(std::size_t count) noexcept;

private:
    friend struct net::PacketAccess;
    void release() noexcept;  // to the buffers' home pool; any thread

    static constexpr std::uint32_t segment_mask = 0x3fff;
    static constexpr std::uint32_t has_request = 0x4000;  // on the first buffer
    static constexpr std::uint32_t moved_front = 0x8000;  // data_ is not where the buffer's packets begin

    std::byte* data_ = nullptr;
    net::Buffer* buffer_ = nullptr;
    std::uint32_t length_ = 0;
    // Number of segments, the two flags, and in the upper half the first buffer's pool. 0: there is no buffer.
    std::uint32_t form_ = 0;
};

// Up to `capacity` packets, in order. Owns them: what is in it when it dies goes back to its pool. One thread at a
// time.
class VMQ_EXPORT Batch {
public:
    static constexpr std::size_t capacity = 64;

    Batch() noexcept {}
    Batch(Batch&& other) noexcept { take(other); }
    Batch& operator=(Batch&& other) noexcept {
        if (this != &other) {
            clear();
            take(other);
        }
        return *this;
    }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;
    ~Batch() { clear(); }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] bool full() const noexcept { return size_ == capacity; }
    [[nodiscard]] Packet* begin() noexcept { return slots_.packets; }
    [[nodiscard]] Packet* end() noexcept { return slots_.packets + size_; }
    [[nodiscard]] Packet& operator[](std::size_t i) noexcept { return slots_.packets[i]; }

    // Appends; false, and the packet still the caller's, when the batch is full.
    bool push(Packet&& packet) noexcept;
    // Gives packet i to the caller; those behind it move up.
    [[nodiscard]] Packet take(std::size_t i) noexcept;
    // Drops every packet for which `drop(packet)` is true, keeping the order of the others.
    template <typename Predicate>
    void erase_if(Predicate drop) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < size_; ++i) {
            if (drop(slots_.packets[i])) {
                slots_.packets[i] = Packet{};
                continue;
            }
            if (kept != i) slots_.packets[kept] = std::move(slots_.packets[i]);
            ++kept;
        }
        size_ = kept;
    }
    // Gives every packet back to its pool.
    void clear() noexcept;

private:
    friend struct net::PacketAccess;
    void take(Batch& other) noexcept;

    // Uninitialised storage: only the first size_ handles are alive.
    union Slots {
        Slots() noexcept {}
        ~Slots() {}
        Packet packets[capacity];
    };
    std::size_t size_ = 0;
    Slots slots_;
};

}  // namespace vmq
