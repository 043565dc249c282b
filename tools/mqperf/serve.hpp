// Receiving and answering on one pair: what the jobs' loops are made of.
#pragma once

#include <chrono>

#include "tools/mqperf/shared.hpp"

namespace vmq::mqperf {

// Sleeps until the pair has something to do; false when nothing will come any more. The timeouts bound how long a thread takes to see
// `stop`, and pair 0, which is always active, to see what parked pairs handed over.
[[nodiscard]] inline bool sleep_on(QueuePair& pair) noexcept {
    using namespace std::chrono_literals;
    return pair.wait(pair.index() == 0 ? 20ms : 500ms) != WakeReason::stopped;
}

// Polls for a few rounds before it sleeps.
class Idle {
public:
    void busy() noexcept { empty_rounds_ = 0; }
    [[nodiscard]] bool pause(QueuePair& pair) noexcept {
        constexpr unsigned polled_rounds = 16;
        if (++empty_rounds_ < polled_rounds) return true;
        empty_rounds_ = 0;
        return sleep_on(pair);
    }

private:
    unsigned empty_rounds_ = 0;
};

// Sends the whole batch before anything else is received, so that nothing is lost to a full ring. What a pair must not send any more
// goes to pair 0; what can never be sent is dropped.
inline void send_all(QueuePair& pair, Batch& batch, Shared& shared) {
    while (!batch.empty() && !shared.stop) {
        if (!pair.active() && pair.index() != 0) {
            shared.handover.give(batch);
        } else if (pair.send(batch) == 0 && !sleep_on(pair)) {
            batch.clear();
        }
    }
}

// One round: sends what was handed over; receives, lets `edit` make of each packet what is to be sent (false: nothing), and sends
// that. The number received.
template <typename Edit>
std::size_t serve_round(QueuePair& pair, Batch& batch, Shared& shared, Edit& edit) {
    if (pair.index() == 0) {
        shared.handover.take(batch);
        send_all(pair, batch, shared);
    }
    const std::size_t received = pair.recv(batch);
    batch.erase_if([&](Packet& packet) { return !edit(packet); });
    send_all(pair, batch, shared);
    return received;
}

template <typename Edit>
void serve(QueuePair& pair, Shared& shared, Edit edit) {
    Batch batch;
    Idle idle;
    while (!shared.stop) {
        if (serve_round(pair, batch, shared, edit) != 0) {
            idle.busy();
        } else if (!idle.pause(pair)) {
            return;
        }
    }
}

// Fills the batch up to `count` packets of `size` bytes.
template <typename Build>
void build_packets(QueuePair& pair, Batch& batch, std::size_t count, std::size_t size, Build build) {
    const std::size_t old = batch.size();
    if (old >= count) return;
    pair.allocate(batch, count - old);
    for (std::size_t i = old; i < batch.size(); ++i) {
        if (const Bytes frame = batch[i].append(size); !frame.empty()) build(frame);
    }
}

}  // namespace vmq::mqperf
