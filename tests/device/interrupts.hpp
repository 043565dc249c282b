// The vectors of the software device: what they are connected to, how often each fired, and how they misbehave.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "driver/virtio/types.hpp"

namespace vmq::software {

enum class InterruptMode {
    normal,
    lost,  // none arrives
    storm  // each arrives a hundredfold, also those nobody asked for
};

// Any thread.
class Interrupts {
public:
    static constexpr unsigned max_vectors = 2048;

    // An empty span disconnects all.
    void connect(std::span<const int> eventfds) noexcept;
    [[nodiscard]] unsigned connected() const noexcept { return connected_.load(std::memory_order_relaxed); }

    void set_mode(InterruptMode mode) noexcept { mode_.store(mode, std::memory_order_relaxed); }
    [[nodiscard]] InterruptMode mode() const noexcept { return mode_.load(std::memory_order_relaxed); }

    // One interrupt, as the mode has it. Also how a test makes a spurious one.
    void raise(virtio::VectorIndex vector) noexcept;

    // Interrupts that reached the vector's eventfd: what the driver's sums must come to.
    [[nodiscard]] std::uint64_t count(unsigned vector) const noexcept {
        return vectors_[vector].count.load(std::memory_order_relaxed);
    }

private:
    struct Vector {
        std::atomic<int> fd{-1};
        std::atomic<std::uint64_t> count{0};
    };
    std::array<Vector, max_vectors> vectors_;
    std::atomic<unsigned> connected_{0};
    std::atomic<InterruptMode> mode_{InterruptMode::normal};
};

}  // namespace vmq::software
