// Memory of the application's own behind the buffers of packets that are sent: pieces of it that hang on a packet like
// further segments, and tell when they have come back.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <vmq/memory.hpp>

#include "driver/net/packet_pool.hpp"
#include "driver/virtio/transport.hpp"

namespace vmq::net {

class PairCore;
class PieceStock;
class Registration;

// A segment without a buffer of a pool: never a packet's first, and its `home` is nullptr.
struct AttachedPiece : Buffer {
    virtio::Iova iova;
    SendDone done;
    std::shared_ptr<Registration> registration;  // while it is in a packet
    PieceStock* stock = nullptr;

    [[nodiscard]] static AttachedPiece& of(Buffer& buffer) noexcept { return static_cast<AttachedPiece&>(buffer); }
    // Any thread: to its stock, and told. Nobody else has it any more.
    void come_back() noexcept;
};

[[nodiscard]] inline bool is_attached(const Buffer& buffer) noexcept { return buffer.home == nullptr; }
// Of the bytes of a packet's further segment.
[[nodiscard]] inline virtio::Iova segment_iova(const Buffer& buffer) noexcept {
    return is_attached(buffer) ? static_cast<const AttachedPiece&>(buffer).iova
                               : buffer.home->iova(buffer.segment_data);
}

// The pieces of one registration that one pair's owner may attach.
class PieceStock {
public:
    PieceStock(const PairCore& pair, std::size_t count);
    PieceStock(const PieceStock&) = delete;
    PieceStock& operator=(const PieceStock&) = delete;

    [[nodiscard]] const PairCore& pair() const noexcept { return pair_; }
    [[nodiscard]] AttachedPiece* take() noexcept;  // owner only; nullptr: all are in packets
    void give(AttachedPiece& piece) noexcept;      // any thread

private:
    const PairCore& pair_;
    std::vector<AttachedPiece> pieces_;
    Buffer* free_ = nullptr;
    alignas(64) std::atomic<Buffer*> returned_{nullptr};
};

// Shared by the application's handle and all pieces in packets: the last of them unmaps the memory.
class Registration {
public:
    Registration(virtio::DmaBlock memory, const std::vector<std::unique_ptr<PairCore>>& pairs);

    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return memory_.bytes(); }
    // nullptr: the pair is another device's.
    [[nodiscard]] PieceStock* stock_of(const PairCore& pair) const noexcept;
    // At least one byte, and all of them inside.
    [[nodiscard]] bool holds(std::span<const std::byte> bytes) const noexcept;
    // Makes the piece stand for bytes that it holds.
    void place(AttachedPiece& piece, std::span<const std::byte> bytes) const noexcept;

private:
    [[nodiscard]] std::size_t offset_of(std::span<const std::byte> bytes) const noexcept;

    virtio::DmaBlock memory_;
    std::vector<std::unique_ptr<PieceStock>> stocks_;  // of each pair
};

}  // namespace vmq::net
