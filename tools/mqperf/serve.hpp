// Receiving and answering on one pair: what the jobs' loops are made of.
#pragma once

#include <chrono>

#include "tools/mqperf/shared.hpp"

namespace vmq::mqperf {

// Sleeps until the pair has something to do; false when nothing will come any more. Looks at `stop` twice a second.
[[nodiscard]] inline bool sleep_on(QueuePair& pair) noexcept {
    return pair.wait(std::chrono::milliseconds{500}) != WakeReason::stopped;
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

// Sends the whole batch before anything else is received, so that nothing is lost to a full ring. What can never be
// sent, because the device is gone, is dropped.
inline void send_all(QueuePair& pair, Batch& batch, const Shared& shared) {
    while (!batch.empty() && !shared.stop) {
        if (pair.send(batch) == 0 && pair.wait(std::chrono::milliseconds{1}) == WakeReason::stopped) batch.clear();
    }
}

// One round: receives, lets `edit` make of each packet what is to be sent (false: nothing), and sends that. The number
// received.
template <typename Edit>
std::size_t serve_round(QueuePair& pair, Batch& batch, const Shared& shared, Edit& edit) {
    const std::size_t received = pair.recv(batch);
    batch.erase_if([&](Packet& packet) { return !edit(packet); });
    send_all(pair, batch, shared);
    return received;
}

template <typename Edit>
void serve(QueuePair& pair, const Shared& shared, Edit edit) {
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
