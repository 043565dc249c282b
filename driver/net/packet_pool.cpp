// The packet buffers of one queue pair.
#include "driver/net/packet_pool.hpp"

#include <bitset>
#include <cassert>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "driver/net/attached.hpp"

namespace vmq::net {
namespace {

struct Tags {
    std::mutex mutex;
    std::bitset<65536> used{1};  // 0 is nobody's
};

Tags& tags() {
    static Tags instance;
    return instance;
}

void give_segment_back(Buffer* buffer) noexcept {
    if (is_attached(*buffer)) return AttachedPiece::of(*buffer).come_back();
    PacketPool::give_back(buffer);
}

}  // namespace

PacketPool::Tag::Tag() {
    Tags& all = tags();
    const std::scoped_lock lock(all.mutex);
    std::size_t free = 1;
    while (free < all.used.size() && all.used[free]) ++free;
    if (free == all.used.size()) throw std::length_error("too many queue pairs with packet memory in one process");
    all.used.set(free);
    value_ = static_cast<std::uint16_t>(free);
}

PacketPool::Tag::~Tag() {
    const std::scoped_lock lock(tags().mutex);
    tags().used.reset(value_);
}

PacketPool::PacketPool(std::vector<virtio::DmaBlock> memory, unsigned count, unsigned buffer_size,
                       std::uint32_t header_size)
    : memory_(std::move(memory)),
      buffer_size_(buffer_size),
      header_size_(header_size),
      iova_offset_(memory_.front().iova.value - reinterpret_cast<std::uintptr_t>(memory_.front().data)),
      buffers_(count),
      free_(std::make_unique<BufferRef[]>(count)) {
    auto buffer = buffers_.begin();
    for (const virtio::DmaBlock& piece : memory_) {
        for (std::size_t at = 0; buffer != buffers_.end() && at + buffer_size <= piece.size;
             at += buffer_size, ++buffer) {
            buffer->base = piece.data + at;
            buffer->home = this;
        }
    }
    assert(buffer == buffers_.end());
    for (unsigned i = count; i-- > 0;) give(BufferRef::whole(&buffers_[i]));
}

std::size_t PacketPool::memory_size() const noexcept {
    std::size_t size = 0;
    for (const virtio::DmaBlock& piece : memory_) size += piece.size;
    return size;
}

void PacketPool::give_chain(Buffer* first) noexcept {
    while (first != nullptr) {
        Buffer* const next = std::exchange(first->next_segment, nullptr);
        if (first->home == this) {
            give(BufferRef::whole(first));
        } else {
            give_segment_back(first);
        }
        first = next;
    }
}

void PacketPool::give_back(Buffer* buffer) noexcept {
    // A stack that only ever grows by one or is taken whole, so no element can return under a pusher's feet.
    std::atomic<Buffer*>& returned = buffer->home->returned_;
    Buffer* head = returned.load(std::memory_order_relaxed);
    do {
        buffer->next_returned = head;
    } while (!returned.compare_exchange_weak(head, buffer, std::memory_order_release, std::memory_order_relaxed));
}

void PacketPool::give_chain_back(Buffer* first) noexcept {
    Buffer* further = std::exchange(first->next_segment, nullptr);
    give_back(first);
    while (further != nullptr) {
        Buffer* const next = std::exchange(further->next_segment, nullptr);
        give_segment_back(further);
        further = next;
    }
}

void PacketPool::reclaim() noexcept {
    Buffer* returned = returned_.exchange(nullptr, std::memory_order_acquire);
    while (returned != nullptr) {
        give(BufferRef::whole(returned));
        returned = returned->next_returned;
    }
}

}  // namespace vmq::net
