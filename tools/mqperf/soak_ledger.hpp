// Which of a sender's packets are on their way, and what became of the others.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace vmq::mqperf {

// One thread sends; any thread may report a return.
class SoakLedger {
public:
    static constexpr std::uint64_t window = 128;  // packets on their way at most: less than any queue holds

    // The sender: the number of the next packet, which is on its way from now on; not while full(). One that is
    // still on its way 4,096 packets later is given up.
    [[nodiscard]] std::uint64_t leave() noexcept;
    [[nodiscard]] bool full() const noexcept { return outstanding() >= window; }
    // The sender: nothing of what is on its way is expected any more. What is excused is not counted as given up.
    void give_up(bool excused) noexcept;

    // The first return of a packet counts as returned, after it was given up as late, after it was excused not at all;
    // any further one as doubled.
    void came_back(std::uint64_t number) noexcept;

    [[nodiscard]] std::uint64_t sent() const noexcept { return sent_.load(std::memory_order_acquire); }
    [[nodiscard]] std::uint64_t returned() const noexcept { return returned_.load(std::memory_order_acquire); }
    [[nodiscard]] std::uint64_t given_up() const noexcept { return given_up_.load(std::memory_order_acquire); }
    [[nodiscard]] std::uint64_t excused() const noexcept { return excused_.load(std::memory_order_acquire); }
    [[nodiscard]] std::uint64_t late() const noexcept { return late_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t doubled() const noexcept { return doubled_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t outstanding() const noexcept { return sent() - returned() - given_up() - excused(); }

private:
    // What became of a packet; a slot holds (number + 1) * 4 + fate, or 0 when the packet is back.
    enum Fate : std::uint64_t { on_its_way, was_given_up, was_excused };
    [[nodiscard]] static std::uint64_t mark(std::uint64_t number, Fate fate) noexcept {
        return (number + 1) * 4 + fate;
    }
    [[nodiscard]] std::atomic<std::uint64_t>& slot(std::uint64_t number) noexcept {
        return slots_[number % slots_.size()];
    }

    std::array<std::atomic<std::uint64_t>, 4096> slots_{};
    std::atomic<std::uint64_t> sent_{0};
    std::atomic<std::uint64_t> returned_{0};
    std::atomic<std::uint64_t> given_up_{0};
    std::atomic<std::uint64_t> excused_{0};
    std::atomic<std::uint64_t> late_{0};
    std::atomic<std::uint64_t> doubled_{0};
};

}  // namespace vmq::mqperf
