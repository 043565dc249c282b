// The packet buffers of one queue pair: memory that the device may touch, and private metadata that it may not.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "driver/virtio/transport.hpp"

namespace vmq::net {

class PacketPool;

// A buffer starts with headroom; the virtio-net header begins on a cache line of its own with the packet right behind
// it, so that a receiver that looks at the first bytes of a packet touches one line.
inline constexpr std::uint32_t header_offset = 64;
inline constexpr std::uint32_t header_size = 12;  // struct virtio_net_hdr with num_buffers, 5.1.6
inline constexpr std::uint32_t packet_offset = header_offset + header_size;
inline constexpr std::size_t max_segments = 32;  // of one packet, either way

struct Buffer {
    std::byte* base = nullptr;
    PacketPool* home = nullptr;
    Buffer* next_returned = nullptr;
    // Further segments of a packet hang on its first buffer; each buffer behind the first knows its own bytes.
    Buffer* next_segment = nullptr;
    std::byte* segment_data = nullptr;
    std::uint32_t segment_length = 0;
    std::uint32_t segments = 1;  // of the whole packet, on its first buffer while it is relayed
};

// take, give and reclaim: the thread that owns the pair. give_back: any thread.
class PacketPool {
public:
    PacketPool(virtio::DmaBlock memory, unsigned count, unsigned stride);
    PacketPool(const PacketPool&) = delete;
    PacketPool& operator=(const PacketPool&) = delete;

    [[nodiscard]] unsigned stride() const noexcept { return stride_; }
    [[nodiscard]] std::size_t memory_size() const noexcept { return memory_.size; }
    [[nodiscard]] bool huge_pages() const noexcept { return memory_.huge_pages; }
    [[nodiscard]] virtio::Iova iova(const std::byte* address) const noexcept {
        return {reinterpret_cast<std::uintptr_t>(address) + iova_offset_};
    }

    // nullptr when every buffer is out.
    [[nodiscard]] Buffer* take() noexcept {
        if (free_count_ == 0 && !reclaim()) return nullptr;
        return free_[--free_count_];
    }
    // One buffer, without the segments that may hang on it.
    void give(Buffer* buffer) noexcept {
        if (buffer->home == this) {
            free_[free_count_++] = buffer;
        } else {
            buffer->home->give_back(buffer);
        }
    }
    // A packet's buffers, each to its own pool.
    void give_chain(Buffer* first) noexcept;

    void give_back(Buffer* buffer) noexcept;
    // The same for all of a packet's buffers.
    static void give_chain_back(Buffer* first) noexcept;

private:
    [[nodiscard]] bool reclaim() noexcept;

    virtio::DmaBlock memory_;
    unsigned stride_;
    std::uint64_t iova_offset_;  // modulo 2^64
    std::size_t free_count_ = 0;
    std::vector<Buffer> buffers_;
    std::unique_ptr<Buffer*[]> free_;  // last in, first out: what is still in the cache goes out first
    alignas(64) std::atomic<Buffer*> returned_{nullptr};
};

}  // namespace vmq::net
