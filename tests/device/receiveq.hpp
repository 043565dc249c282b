// How the device puts a packet into receive buffers, rightly or in one of the wrong ways. VIRTIO 1.3, 5.1.6.4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <vector>

#include <vmq/rss.hpp>

#include "driver/virtio/features.hpp"
#include "driver/virtio/spec.hpp"
#include "tests/device/scatter.hpp"
#include "tests/device/virtqueue.hpp"

namespace vmq::software {

// The defaults are a correct device.
struct Delivery {
    virtio::NetHeader header{};                  // all but num_buffers
    PacketHash hash{};                           // with HASH_REPORT
    std::size_t bytes_per_buffer = 0;            // header included; 0: as many as fit. With MRG_RXBUF
    std::optional<std::uint16_t> num_buffers{};  // instead of the true number
    std::optional<std::uint32_t> used_length{};  // of the first buffer, instead of the true one
    std::size_t buffers_left_out = 0;            // so many of the last buffers never come back
    std::optional<std::size_t> held_at{};        // take the held buffers from this place on, counted from the oldest
};

class Receiveq {
public:
    explicit Receiveq(Virtqueue& queue) noexcept : queue_(queue) {}

    void start(virtio::FeatureSet features, Violations& violations);
    // Forgets the buffers it holds.
    void stop() noexcept;

    // Fetches all that is available.
    void fetch_all();
    [[nodiscard]] std::size_t buffers() const noexcept { return held_.size(); }
    // Bytes in the oldest buffer, 0 without one.
    [[nodiscard]] std::size_t room() const noexcept { return held_.empty() ? 0 : size_of(held_.front().writable); }
    // Writes and completes; the caller publishes. False, and nothing done, when the buffers do not suffice.
    [[nodiscard]] bool deliver(std::span<const std::byte> packet, const Delivery& delivery);
    // From now on each buffer is any of the `window` oldest; not with IN_ORDER.
    void shuffle(std::size_t window, unsigned seed);

    // Takes the oldest buffer for the test to complete.
    [[nodiscard]] std::optional<std::uint16_t> take_held();

private:
    [[nodiscard]] std::size_t capacity(const Chain& chain, const Delivery& delivery) const noexcept;
    [[nodiscard]] std::size_t next_place(const Delivery& delivery);
    [[nodiscard]] std::vector<Chain> take_for(std::size_t bytes, const Delivery& delivery);
    void fill(const std::vector<Chain>& chains, std::span<const std::byte> bytes, const Delivery& delivery);
    void check(const Chain& chain);
    void forget(const Chain& chain);

    Virtqueue& queue_;
    Violations* violations_ = nullptr;
    bool merges_ = false;
    bool header_is_apart_ = false;
    std::size_t header_size_ = sizeof(virtio::NetHeader);
    std::deque<Chain> held_;
    std::set<const std::byte*> memory_;  // where the buffers that are held begin
    std::size_t window_ = 1;
    std::minstd_rand random_;
};

}  // namespace vmq::software
