// Sequence-numbered packets in many flows towards the driver, and an account of what comes back.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "tests/device/backend.hpp"
#include "tests/device/net_device.hpp"

namespace vmq::software {

struct TrafficShape {
    unsigned flows = 32;
    unsigned window = 8;                     // packets of a flow under way at a time
    std::uint32_t packets_per_flow = 20000;  // then the flow ends
    std::size_t length = 64;
};

// A backend; its counters are relaxed atomics, so that it orders nothing between the driver's threads.
class Traffic : public Backend {
public:
    Traffic(NetDevice& device, const TrafficShape& shape);

    std::optional<Frame> transmitted(unsigned pair, Frame frame) override;
    std::optional<Frame> next(unsigned pair) override;

    // No more new packets.
    void finish() noexcept { finishing_.store(true, std::memory_order_relaxed); }

    [[nodiscard]] std::uint64_t sent() const noexcept;
    [[nodiscard]] std::uint64_t returned() const noexcept;
    [[nodiscard]] std::uint64_t doubled() const noexcept { return doubled_.load(std::memory_order_relaxed); }
    // Packets that came back and were never sent, or not as they were sent.
    [[nodiscard]] std::uint64_t strangers() const noexcept { return strangers_.load(std::memory_order_relaxed); }
    // Packets that came back on the pair.
    [[nodiscard]] std::uint64_t returned_on(unsigned pair) const noexcept {
        return on_pair_[pair].load(std::memory_order_relaxed);
    }

private:
    struct Flow {
        std::atomic<std::uint32_t> sent{0};
        std::atomic<std::uint32_t> returned{0};
        std::unique_ptr<std::atomic<std::uint8_t>[]> times_seen;
    };

    NetDevice& device_;
    TrafficShape shape_;
    std::vector<Flow> flows_;
    std::unique_ptr<std::atomic<unsigned>[]> turn_;  // per pair: the flow that is asked first
    std::unique_ptr<std::atomic<std::uint64_t>[]> on_pair_;
    std::atomic<std::uint64_t> doubled_{0};
    std::atomic<std::uint64_t> strangers_{0};
    std::atomic<bool> finishing_{false};
};

}  // namespace vmq::software
