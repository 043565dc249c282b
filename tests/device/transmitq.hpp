// How the device takes packets from a transmitq, and the rules their headers obey. VIRTIO 1.3, 5.1.6.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <random>
#include <vector>

#include "driver/virtio/features.hpp"
#include "driver/virtio/spec.hpp"
#include "tests/device/frame.hpp"
#include "tests/device/virtqueue.hpp"

namespace vmq::software {

// How buffers come back; the defaults are an ordinary device. Orders are ignored with IN_ORDER.
struct Completion {
    std::uint32_t used_length = 0;  // devices write junk here
    bool hold = false;              // taken, and not given back for now
    bool newest_first = false;      // each round's in the wrong order
    bool shuffled = false;          // each round's in any order
};

class Transmitq {
public:
    using Sink = std::function<void(Frame)>;

    explicit Transmitq(Virtqueue& queue) noexcept : queue_(queue) {}

    void start(virtio::FeatureSet features, Violations& violations);
    void stop() noexcept { held_.clear(); }

    // Takes up to `most` packets; the caller publishes. Returns how many it took.
    std::size_t take(std::size_t most, const Completion& completion, const Sink& sink);
    // Gives back up to `most` of what was held.
    void complete_held(const Completion& completion, std::size_t most = SIZE_MAX);
    // Gives back the one at this place, counted from the oldest held.
    void complete_at(std::size_t place, std::uint32_t used_length = 0);
    [[nodiscard]] std::size_t held() const noexcept { return held_.size(); }
    void seed(unsigned seed) { random_.seed(seed); }

private:
    struct Held {
        Chain chain;
        Frame then;  // its bytes when it was taken, if it is to be held for a while
    };
    // The packets that go out on the line for it.
    [[nodiscard]] std::vector<Frame> unwrap(Frame bytes) const;
    void violation(const std::string& text) const { violations_->add(queue_.name() + ": " + text); }

    Virtqueue& queue_;
    Violations* violations_ = nullptr;
    virtio::FeatureSet features_;
    std::size_t header_size_ = sizeof(virtio::NetHeader);
    std::deque<Held> held_;
    std::minstd_rand random_;
};

}  // namespace vmq::software
