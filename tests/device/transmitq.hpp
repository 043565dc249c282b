// How the device takes packets from a transmitq, and the rules their headers obey. VIRTIO 1.3, 5.1.6.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>

#include "driver/virtio/features.hpp"
#include "driver/virtio/spec.hpp"
#include "tests/device/frame.hpp"
#include "tests/device/virtqueue.hpp"

namespace vmq::software {

// How buffers come back; the defaults are an ordinary device.
struct Completion {
    std::uint32_t used_length = 0;  // devices write junk here
    bool hold = false;              // taken, and not given back for now
    bool newest_first = false;      // each round's in the wrong order
};

class Transmitq {
public:
    using Sink = std::function<void(Frame)>;

    explicit Transmitq(Virtqueue& queue) noexcept : queue_(queue) {}

    void start(virtio::FeatureSet features, Violations& violations);
    void stop() noexcept { held_.clear(); }

    // Takes up to `most` packets; the caller publishes. Returns how many it took.
    std::size_t take(std::size_t most, const Completion& completion, const Sink& sink);
    // Gives back what was held.
    void complete_held(const Completion& completion);
    [[nodiscard]] std::size_t held() const noexcept { return held_.size(); }

private:
    [[nodiscard]] Frame unwrap(const Chain& chain) const;

    Virtqueue& queue_;
    Violations* violations_ = nullptr;
    virtio::FeatureSet features_;
    std::size_t header_size_ = sizeof(virtio::NetHeader);
    std::deque<std::uint16_t> held_;
};

}  // namespace vmq::software
