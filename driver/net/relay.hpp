// Packets on their way from the owners of pairs to the owner of another: to be sent, where the first may not, or
// because their flow is the other's.
#pragma once

#include <atomic>
#include <cstddef>

#include <vmq/packet.hpp>

#include "driver/net/packet_pool.hpp"

namespace vmq::net {

// Many senders, one receiver; lock-free. Keeps the order of each sender's packets.
class Relay {
public:
    struct Pushed {
        std::size_t count;
        bool into_empty;  // the receiver has taken all that was pushed before, and may be asleep
    };
    // Any thread: takes packets from the front of the batch while fewer than `limit` are on their way.
    Pushed push(Batch& batch, std::size_t limit) noexcept;

    // Receiver only.
    [[nodiscard]] bool empty() const noexcept {
        return pushed_.load(std::memory_order_relaxed) == nullptr && waiting_ == nullptr;
    }
    // Fills the batch's free places up to `most` packets in all.
    void pull(Batch& batch, std::size_t most = Batch::capacity) noexcept;

private:
    std::atomic<Buffer*> pushed_{nullptr};  // a stack: only pushed to, or taken whole
    std::atomic<std::size_t> count_{0};
    Buffer* waiting_ = nullptr;  // the receiver's: first in, first out
};

}  // namespace vmq::net
