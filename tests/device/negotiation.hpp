// Device status and features, and the order in which a driver may write them. VIRTIO 1.3, 2.1, 2.2 and 3.1.
#pragma once

#include <atomic>
#include <cstdint>

#include "driver/virtio/features.hpp"
#include "tests/device/violations.hpp"

namespace vmq::software {

// Writes by one thread at a time, reads by any.
class Negotiation {
public:
    // A legacy device has 32 features, and FEATURES_OK is unknown to it (3.1.2).
    Negotiation(virtio::FeatureSet offered, bool legacy, bool refuses, Violations& violations) noexcept
        : violations_(violations),
          offered_(legacy ? virtio::FeatureSet{offered.bits() & 0xffff'ffff} : offered),
          legacy_(legacy),
          refuses_(refuses) {}

    [[nodiscard]] virtio::FeatureSet offered() const noexcept { return offered_; }
    [[nodiscard]] virtio::FeatureSet accepted() const noexcept {
        return virtio::FeatureSet{accepted_.load(std::memory_order_relaxed)};
    }
    void accept(virtio::FeatureSet features);

    [[nodiscard]] std::uint8_t status() const noexcept { return status_.load(std::memory_order_relaxed); }
    [[nodiscard]] bool has(std::uint8_t bit) const noexcept { return (status() & bit) != 0; }
    void write_status(std::uint8_t status);
    void need_reset() noexcept;
    void reset() noexcept;
    // Whether the driver may set up its queues.
    [[nodiscard]] bool is_over() const noexcept;

private:
    [[nodiscard]] bool features_are_acceptable();

    Violations& violations_;
    virtio::FeatureSet offered_;
    bool legacy_;
    bool refuses_;
    std::atomic<std::uint64_t> accepted_{0};
    std::atomic<std::uint8_t> status_{0};
};

}  // namespace vmq::software
