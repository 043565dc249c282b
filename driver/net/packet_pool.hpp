// The packet buffers of one queue pair: memory that the device may touch, and private metadata that it may not.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include <vmq/offload.hpp>

#include "driver/virtio/spec.hpp"
#include "driver/virtio/transport.hpp"

namespace vmq::net {

class PacketPool;

// A buffer starts with headroom. The packet begins on a cache line with the virtio-net header right before it, at the
// end of another: a device that copies packets writes whole lines. With the header on the packet's own line, DPDK's
// vhost delivered half as many.
inline constexpr std::uint32_t packet_offset = 128;
// struct virtio_net_hdr with num_buffers, and with what HASH_REPORT adds to it. 5.1.6
inline constexpr std::uint32_t plain_header_size = sizeof(virtio::NetHeader);
inline constexpr std::uint32_t hash_header_size = sizeof(virtio::NetHashHeader);
// A legacy device's without MRG_RXBUF, which has no num_buffers. 5.1.6.1
inline constexpr std::uint32_t legacy_header_size = plain_header_size - sizeof(virtio::le16);

// The header in front of a packet.
struct HeaderForm {
    std::uint32_t size = plain_header_size;
    bool apart = false;  // has a descriptor of its own, as a legacy device without ANY_LAYOUT wants it (5.1.6.6)
};
// Holds a packet of the usual MTU, and is no power of two: with buffers of 2,048 bytes every packet's first line lies
// in the same few sets of the caches, and DPDK's vhost delivered a quarter less.
inline constexpr unsigned usual_buffer_size = 1984;
// Of one packet, either way: 64 KiB in buffers of the usual size are 36.
inline constexpr std::size_t max_segments = 64;

// Touched only when a packet is anything but one whole buffer of the pair that handles it.
struct Buffer {
    std::byte* base = nullptr;
    PacketPool* home = nullptr;  // nullptr: no pool's, but an AttachedPiece
    Buffer* next_returned = nullptr;
    // Further segments of a packet hang on its first buffer; each buffer behind the first knows its own bytes.
    Buffer* next_segment = nullptr;
    std::byte* segment_data = nullptr;
    std::uint32_t segment_length = 0;
    std::uint32_t form = 1;  // of the packet's handle, on its first buffer while it is relayed
    Offload request;         // on the first buffer, where the handle's form says that there is one
};

// A buffer and where a packet begins in it: the first two words of a packet's handle. It wanders between free list,
// slots and handles by copying, so that the fast ways never look at the Buffer.
struct BufferRef {
    std::byte* data = nullptr;
    Buffer* buffer = nullptr;

    [[nodiscard]] static BufferRef whole(Buffer* buffer) noexcept { return {buffer->base + packet_offset, buffer}; }
};

// The thread that owns the pair, except for give_back and give_chain_back: any thread.
class PacketPool {
public:
    // `memory`: pieces that hold `count` buffers, as Transport::allocate_array gives them.
    PacketPool(std::vector<virtio::DmaBlock> memory, unsigned count, unsigned buffer_size, std::uint32_t header_size);
    PacketPool(const PacketPool&) = delete;
    PacketPool& operator=(const PacketPool&) = delete;

    [[nodiscard]] unsigned buffer_size() const noexcept { return buffer_size_; }
    [[nodiscard]] std::uint32_t header_size() const noexcept { return header_size_; }
    [[nodiscard]] std::size_t memory_size() const noexcept;
    [[nodiscard]] bool huge_pages() const noexcept { return memory_.front().huge_pages; }
    // Tells this pool's packets from those of all others in the process; never 0.
    [[nodiscard]] std::uint16_t tag() const noexcept { return tag_.value(); }
    [[nodiscard]] virtio::Iova iova(const std::byte* address) const noexcept {
        return {reinterpret_cast<std::uintptr_t>(address) + iova_offset_};
    }

    // The last `count` free buffers, fewer when there are not so many; to be read before the next call.
    [[nodiscard]] const BufferRef* take(std::size_t& count) noexcept {
        if (free_count_ < count) reclaim();
        count = std::min(count, free_count_);
        return free_.get() + (free_count_ -= count);
    }
    void give(const BufferRef* refs, std::size_t count) noexcept {
        std::memcpy(free_.get() + free_count_, refs, count * sizeof(BufferRef));
        free_count_ += count;
    }
    void give(BufferRef ref) noexcept { free_[free_count_++] = ref; }
    // For a loop that writes the refs it gives itself: where they go, and then how many there were.
    [[nodiscard]] BufferRef* begin_give() noexcept { return free_.get() + free_count_; }
    void end_give(std::size_t count) noexcept { free_count_ += count; }
    // A packet's buffers, each to its own pool.
    void give_chain(Buffer* first) noexcept;

    static void give_back(Buffer* buffer) noexcept;
    // The same for all of a packet's buffers.
    static void give_chain_back(Buffer* first) noexcept;

private:
    void reclaim() noexcept;

    class Tag {
    public:
        Tag();  // throws std::length_error when 65,535 pools are alive
        ~Tag();
        Tag(const Tag&) = delete;
        Tag& operator=(const Tag&) = delete;
        [[nodiscard]] std::uint16_t value() const noexcept { return value_; }

    private:
        std::uint16_t value_;
    };

    Tag tag_;
    std::vector<virtio::DmaBlock> memory_;
    unsigned buffer_size_;
    std::uint32_t header_size_;
    std::uint64_t iova_offset_;  // modulo 2^64
    std::size_t free_count_ = 0;
    std::vector<Buffer> buffers_;
    std::unique_ptr<BufferRef[]> free_;  // last in, first out: what is still in the cache goes out first
    alignas(64) std::atomic<Buffer*> returned_{nullptr};
};

}  // namespace vmq::net
