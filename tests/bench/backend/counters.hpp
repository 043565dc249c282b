// What a pair has done since the program started.
#pragma once

#include <atomic>
#include <cstdint>

namespace vmq::bench {

// One writer, the pair's thread; read from anywhere.
class Counter {
public:
    void add(std::uint64_t amount) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

struct alignas(64) PairCounters {
    Counter received;  // packets that the driver transmitted
    Counter received_bytes;
    Counter sent;  // packets that the driver was given
    Counter sent_bytes;
    Counter dropped;  // of those to be forwarded, too long for the receive buffer
    Counter interrupts;
    Counter misdeeds;
};

}  // namespace vmq::bench
