// Packets on their way from one pair's owner to another's.
#include "driver/net/relay.hpp"

#include <algorithm>
#include <utility>

#include "driver/net/packet_access.hpp"

namespace vmq::net {

Relay::Pushed Relay::push(Batch& batch, std::size_t limit) noexcept {
    const std::size_t on_their_way = count_.load(std::memory_order_relaxed);
    const std::size_t room = limit > on_their_way ? limit - on_their_way : 0;
    const std::size_t taken = std::min(room, batch.size());
    bool into_empty = false;
    count_.fetch_add(taken, std::memory_order_relaxed);
    for (std::size_t i = 0; i < taken; ++i) {
        Packet& packet = batch[i];
        Buffer* const buffer = PacketAccess::buffer(packet);
        if (buffer == nullptr) {  // an empty handle
            count_.fetch_sub(1, std::memory_order_relaxed);
            continue;
        }
        buffer->segment_data = PacketAccess::data(packet);
        buffer->segment_length = PacketAccess::length(packet);
        buffer->form = PacketAccess::form(packet);
        static_cast<void>(PacketAccess::detach(packet));
        Buffer* head = pushed_.load(std::memory_order_relaxed);
        do {
            buffer->next_returned = head;
        } while (!pushed_.compare_exchange_weak(head, buffer, std::memory_order_release, std::memory_order_relaxed));
        into_empty |= head == nullptr;
    }
    PacketAccess::drop_front(batch, taken);
    return {taken, into_empty};
}

void Relay::pull(Batch& batch, std::size_t most) noexcept {
    if (waiting_ == nullptr) {
        Buffer* newest = pushed_.exchange(nullptr, std::memory_order_acquire);
        while (newest != nullptr) {
            Buffer* const older = newest->next_returned;
            newest->next_returned = std::exchange(waiting_, newest);
            newest = older;
        }
    }
    while (waiting_ != nullptr && batch.size() < most) {
        Buffer* const buffer = std::exchange(waiting_, waiting_->next_returned);
        PacketAccess::emplace(batch, buffer, buffer->segment_data, buffer->segment_length, buffer->form);
        count_.fetch_sub(1, std::memory_order_relaxed);
    }
}

}  // namespace vmq::net
