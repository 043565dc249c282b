// Packets on their way from the owners of pairs that send nothing themselves to the owner of one that does.
#pragma once

#include <atomic>
#include <cstddef>

#include <vmq/packet.hpp>

#include "driver/net/packet_pool.hpp"

namespace vmq::net {

// Many senders, one receiver; lock-free. Keeps the order of each sender's packets.
class Relay {
public:
    // Any thread: takes packets from the front of the batch while fewer than `limit` are on their way; returns how
    // many.
    std::size_t push(Batch& batch, std::size_t limit) noexcept;

    // Receiver only.
    [[nodiscard]] bool empty() const noexcept {
        return pushed_.load(std::memory_order_relaxed) == nullptr && waiting_ == nullptr;
    }
    // Fills the batch's free places.
    void pull(Batch& batch) noexcept;

private:
    std::atomic<Buffer*> pushed_{nullptr};  // a stack: only pushed to, or taken whole
    std::atomic<std::size_t> count_{0};
    Buffer* waiting_ = nullptr;  // the receiver's: first in, first out
};

}  // namespace vmq::net
