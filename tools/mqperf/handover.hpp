// Packets on their way from a pair that may no longer send to one that may.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include <vmq/packet.hpp>

namespace vmq::mqperf {

// Any thread. Bounded by the packets there are.
class Handover {
public:
    // Takes every packet of the batch.
    void give(Batch& batch) {
        const std::lock_guard lock{mutex_};
        while (!batch.empty()) packets_.push_back(batch.take(0));
        pending_.store(true, std::memory_order_relaxed);
    }

    // Appends what has been given, as far as there is room. Costs one load when nothing has.
    void take(Batch& batch) {
        if (!pending_.load(std::memory_order_relaxed)) return;
        const std::lock_guard lock{mutex_};
        std::size_t taken = 0;
        while (taken < packets_.size() && batch.push(std::move(packets_[taken]))) ++taken;
        packets_.erase(packets_.begin(), packets_.begin() + static_cast<std::ptrdiff_t>(taken));
        pending_.store(!packets_.empty(), std::memory_order_relaxed);
    }

private:
    std::mutex mutex_;
    std::vector<Packet> packets_;
    std::atomic<bool> pending_{false};
};

}  // namespace vmq::mqperf
