// Which packet came back how often, and whether in order.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <stdexcept>

namespace vmq::bench {

// Of one sending thread, which alone calls next(); any thread may report a packet's return.
class Ledger {
public:
    static constexpr std::uint64_t most = 1ULL << 28;

    // The number of the next packet.
    [[nodiscard]] std::uint64_t next() const noexcept { return sent_.load(std::memory_order_relaxed); }
    void sent(std::uint64_t count) noexcept { sent_.store(next() + count, std::memory_order_relaxed); }
    [[nodiscard]] bool full() const noexcept { return next() + 64 > most; }

    void came_back(std::uint64_t number) noexcept {
        const std::uint64_t bit = 1ULL << (number % 64);
        if ((seen_[number / 64].fetch_or(bit, std::memory_order_relaxed) & bit) != 0)
            doubled_.fetch_add(1, std::memory_order_relaxed);
        else
            returned_.fetch_add(1, std::memory_order_relaxed);
    }

    // The sender, of what came back on its own pair: those packets went out there, so their order is kept.
    void came_back_at_home(std::uint64_t number) noexcept {
        if (number < next_at_home_) reordered_.store(reordered() + 1, std::memory_order_relaxed);
        next_at_home_ = number + 1;
        came_back(number);
    }

    [[nodiscard]] std::uint64_t reordered() const noexcept { return reordered_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t returned() const noexcept { return returned_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t doubled() const noexcept { return doubled_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t outstanding() const noexcept { return next() - returned(); }

private:
    std::unique_ptr<std::atomic<std::uint64_t>[]> seen_ = std::make_unique<std::atomic<std::uint64_t>[]>(most / 64);
    std::atomic<std::uint64_t> sent_{0};
    std::atomic<std::uint64_t> returned_{0};
    std::atomic<std::uint64_t> doubled_{0};
    std::atomic<std::uint64_t> reordered_{0};
    std::uint64_t next_at_home_ = 0;
};

}  // namespace vmq::bench
