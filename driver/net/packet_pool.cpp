// The packet buffers of one queue pair.
#include "driver/net/packet_pool.hpp"

#include <utility>

namespace vmq::net {

PacketPool::PacketPool(virtio::DmaBlock memory, unsigned count, unsigned stride)
    : memory_(std::move(memory)),
      stride_(stride),
      iova_offset_(memory_.iova.value - reinterpret_cast<std::uintptr_t>(memory_.data)),
      buffers_(count),
      free_(std::make_unique<Buffer*[]>(count)) {
    for (unsigned i = count; i-- > 0;) {
        buffers_[i].base = memory_.data + std::size_t{i} * stride;
        buffers_[i].home = this;
        free_[free_count_++] = &buffers_[i];
    }
}

void PacketPool::give_chain(Buffer* first) noexcept {
    while (first != nullptr) {
        Buffer* const next = std::exchange(first->next_segment, nullptr);
        give(first);
        first = next;
    }
}

void PacketPool::give_back(Buffer* buffer) noexcept {
    // A stack that only ever grows by one or is taken whole, so no element can return under a pusher's feet.
    Buffer* head = returned_.load(std::memory_order_relaxed);
    do {
        buffer->next_returned = head;
    } while (!returned_.compare_exchange_weak(head, buffer, std::memory_order_release, std::memory_order_relaxed));
}

void PacketPool::give_chain_back(Buffer* first) noexcept {
    while (first != nullptr) {
        Buffer* const next = std::exchange(first->next_segment, nullptr);
        first->home->give_back(first);
        first = next;
    }
}

bool PacketPool::reclaim() noexcept {
    Buffer* returned = returned_.exchange(nullptr, std::memory_order_acquire);
    while (returned != nullptr) {
        free_[free_count_++] = returned;
        returned = returned->next_returned;
    }
    return free_count_ != 0;
}

}  // namespace vmq::net
