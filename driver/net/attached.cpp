// Pieces of the application's own memory in packets.
#include "driver/net/attached.hpp"

#include <cstdint>
#include <limits>
#include <utility>

#include "driver/net/packet_access.hpp"
#include "driver/net/pair_core.hpp"

namespace vmq::net {

void AttachedPiece::come_back() noexcept {
    // All that is needed of it is taken first: its owner may attach it anew at once, and the registration's last share
    // takes the stock with it.
    auto share = std::move(registration);
    const SendDone told = done;
    const std::span<const std::byte> bytes{segment_data, segment_length};
    stock->give(*this);
    share.reset();
    if (told.told != nullptr) told.told(told.context, bytes);
}

PieceStock::PieceStock(const PairCore& pair, std::size_t count) : pair_(pair), pieces_(count) {
    for (AttachedPiece& piece : pieces_) {
        piece.stock = this;
        piece.next_returned = std::exchange(free_, &piece);
    }
}

AttachedPiece* PieceStock::take() noexcept {
    if (free_ == nullptr) free_ = returned_.exchange(nullptr, std::memory_order_acquire);
    if (free_ == nullptr) return nullptr;
    return &AttachedPiece::of(*std::exchange(free_, free_->next_returned));
}

void PieceStock::give(AttachedPiece& piece) noexcept {
    Buffer* head = returned_.load(std::memory_order_relaxed);
    do {
        piece.next_returned = head;
    } while (!returned_.compare_exchange_weak(head, &piece, std::memory_order_release, std::memory_order_relaxed));
}

Registration::Registration(virtio::DmaBlock memory, const std::vector<std::unique_ptr<PairCore>>& pairs)
    : memory_(std::move(memory)) {
    // A ring's worth in flight, and another in the application's hands.
    for (const auto& pair : pairs)
        stocks_.push_back(std::make_unique<PieceStock>(*pair, 2 * std::size_t{pair->transmitq().size()}));
}

PieceStock* Registration::stock_of(const PairCore& pair) const noexcept {
    if (pair.index() >= stocks_.size()) return nullptr;
    PieceStock* const stock = stocks_[pair.index()].get();
    return &stock->pair() == &pair ? stock : nullptr;
}

std::size_t Registration::offset_of(std::span<const std::byte> bytes) const noexcept {
    return reinterpret_cast<std::uintptr_t>(bytes.data()) - reinterpret_cast<std::uintptr_t>(memory_.data);
}

bool Registration::holds(std::span<const std::byte> bytes) const noexcept {
    const std::size_t offset = offset_of(bytes);
    return !bytes.empty() && offset < memory_.size && bytes.size() <= memory_.size - offset;
}

void Registration::place(AttachedPiece& piece, std::span<const std::byte> bytes) const noexcept {
    const std::size_t offset = offset_of(bytes);
    piece.segment_data = memory_.data + offset;
    piece.segment_length = static_cast<std::uint32_t>(bytes.size());
    piece.iova = memory_.iova + offset;
}

bool PairCore::attach(Packet& packet, const std::shared_ptr<Registration>& memory, std::span<const std::byte> piece,
                      const SendDone& done) noexcept {
    if (!packet || packet.segment_count() >= max_segments || !memory->holds(piece) ||
        piece.size() > std::numeric_limits<std::uint32_t>::max())
        return false;
    PieceStock* const stock = memory->stock_of(*this);
    if (stock == nullptr) return false;
    AttachedPiece* attached = stock->take();
    if (attached == nullptr && is_live()) {  // they may lie used in the transmitq
        reclaim();
        attached = stock->take();
    }
    if (attached == nullptr) return false;
    memory->place(*attached, piece);
    attached->done = done;
    attached->registration = memory;
    PacketAccess::add_segment(packet, *attached);
    return true;
}

}  // namespace vmq::net

namespace vmq {

RegisteredMemory::RegisteredMemory(std::shared_ptr<net::Registration> registration) noexcept
    : registration_(std::move(registration)) {}
RegisteredMemory::RegisteredMemory(RegisteredMemory&&) noexcept = default;
RegisteredMemory& RegisteredMemory::operator=(RegisteredMemory&&) noexcept = default;
RegisteredMemory::~RegisteredMemory() = default;

std::span<std::byte> RegisteredMemory::bytes() const noexcept { return registration_->bytes(); }

std::size_t RegisteredMemory::in_use() const noexcept {
    return static_cast<std::size_t>(registration_.use_count()) - 1;
}

}  // namespace vmq
