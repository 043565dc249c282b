// Automatic receive steering: a flow that was transmitted on transmitqX comes back on receiveqX. VIRTIO 1.3, 5.1.6.5.6.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace vmq::software {

// Any thread; relaxed, so that it orders nothing between the driver's threads.
class Steering {
public:
    void learn(std::uint32_t flow, unsigned pair) noexcept { slot(flow).store(pair + 1, std::memory_order_relaxed); }

    // An unknown flow, or one of a pair that is not in use, lands anywhere below `pairs`, always at the same place.
    [[nodiscard]] unsigned pair_for(std::uint32_t flow, unsigned pairs) const noexcept {
        const unsigned learned = table_[flow % table_.size()].load(std::memory_order_relaxed);
        if (learned != 0 && learned <= pairs) return learned - 1;
        return static_cast<unsigned>((flow * 2654435761u) >> 16) % pairs;
    }

    void forget() noexcept {
        for (auto& entry : table_) entry.store(0, std::memory_order_relaxed);
    }

private:
    std::atomic<unsigned>& slot(std::uint32_t flow) noexcept { return table_[flow % table_.size()]; }
    std::array<std::atomic<unsigned>, 4096> table_{};
};

}  // namespace vmq::software
