// Automatic receive steering: a flow that was transmitted on transmitqX comes back on receiveqX. Or, once there is one,
// by RSS's table, with the flow's number for a hash. VIRTIO 1.3, 5.1.6.5.6 and 5.1.6.5.7.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

namespace vmq::software {

// Any thread; relaxed, so that it orders nothing between the driver's threads.
class Steering {
public:
    void learn(std::uint32_t flow, unsigned pair) noexcept { slot(flow).store(pair + 1, std::memory_order_relaxed); }

    // An unknown flow, or one of a pair that is not in use, lands anywhere below `pairs`, always at the same place.
    [[nodiscard]] unsigned pair_for(std::uint32_t flow, unsigned pairs) const noexcept {
        if (const unsigned length = length_.load(std::memory_order_relaxed); length != 0)
            return indirection_[flow % length].load(std::memory_order_relaxed);
        const unsigned learned = table_[flow % table_.size()].load(std::memory_order_relaxed);
        if (learned != 0 && learned <= pairs) return learned - 1;
        return static_cast<unsigned>((flow * 2654435761u) >> 16) % pairs;
    }

    void forget() noexcept {
        for (auto& entry : table_) entry.store(0, std::memory_order_relaxed);
    }

    // Empty: by what was transmitted. At most 512 entries.
    void set_table(const std::vector<std::uint16_t>& table) noexcept {
        for (std::size_t i = 0; i < table.size(); ++i) indirection_[i].store(table[i], std::memory_order_relaxed);
        length_.store(static_cast<unsigned>(table.size()), std::memory_order_relaxed);
    }

private:
    std::atomic<unsigned>& slot(std::uint32_t flow) noexcept { return table_[flow % table_.size()]; }
    std::array<std::atomic<unsigned>, 4096> table_{};
    std::array<std::atomic<std::uint16_t>, 512> indirection_{};
    std::atomic<unsigned> length_{0};
};

}  // namespace vmq::software
