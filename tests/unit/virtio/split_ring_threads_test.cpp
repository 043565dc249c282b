// Driver and device on two threads that sleep whenever the ring lets them: no buffer and no wake-up may be lost.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <semaphore>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "driver/virtio/split_ring.hpp"
#include "tests/unit/virtio/ring_device.hpp"

namespace vmq::virtio {
namespace {

using Event = std::counting_semaphore<>;

constexpr std::uint16_t ring_size = 8;
constexpr std::uint32_t buffers = 30'000;

bool sleep(Event& event) { return event.try_acquire_for(std::chrono::seconds{20}); }

// Reads the number in each buffer, doubles it, and sleeps when nothing is available. False: it was never woken.
bool run_device(RingDevice& device, std::array<std::uint32_t, ring_size>& payloads, Event& doorbell, Event& interrupt) {
    for (std::uint32_t done = 0; done < buffers;) {
        bool wanted = false;
        for (auto id = device.take(); id; id = device.take()) {
            std::uint32_t& payload = payloads.at(device.descriptor(*id).addr.value());
            device.use(*id, payload);
            payload *= 2;
            if (++done % 3 == 0) wanted |= device.publish();
        }
        wanted |= device.publish();
        if (wanted) interrupt.release();
        if (done < buffers && device.arm() && !sleep(doorbell)) return false;
    }
    return true;
}

class Driver {
public:
    Driver(SplitRing& ring, std::array<std::uint32_t, ring_size>& payloads) : ring_(ring), payloads_(payloads) {
        for (std::uint32_t slot = 0; slot < ring_size; ++slot) free_slots_.push_back(slot);
    }

    // Keeps the ring as full as bursts of one to four allow, and sleeps when nothing can be done. False: it was never
    // woken.
    bool run(Event& doorbell, Event& interrupt) {
        while (returned_ < buffers) {
            for (std::uint32_t burst = sent_ % 4 + 1; burst > 0 && sent_ < buffers && !free_slots_.empty(); --burst)
                send();
            if (ring_.publish()) doorbell.release();
            const bool idle = !receive() && (free_slots_.empty() || sent_ == buffers);
            if (ring_.fault() != RingFault::none) return false;
            if (idle && ring_.arm()) {
                ++sleeps_;
                if (!sleep(interrupt)) return false;
                ring_.disarm();
            }
        }
        return true;
    }
    [[nodiscard]] unsigned wrong() const { return wrong_; }
    [[nodiscard]] unsigned sleeps() const { return sleeps_; }

private:
    void send() {
        const std::uint32_t slot = free_slots_.back();
        free_slots_.pop_back();
        payloads_[slot] = sent_;
        const std::uint16_t id = ring_.add_readable({Iova{slot}, 4});
        slot_of_[id] = slot;
        number_of_[id] = sent_++;
    }
    bool receive() {
        std::array<Used, 3> used{};
        const std::size_t count = ring_.take_used(used);
        for (std::size_t i = 0; i < count; ++i, ++returned_) {
            const std::uint16_t id = used[i].id;
            if (used[i].length != number_of_[id] || payloads_[slot_of_[id]] != 2 * number_of_[id]) ++wrong_;
            free_slots_.push_back(slot_of_[id]);
        }
        return count > 0;
    }

    SplitRing& ring_;
    std::array<std::uint32_t, ring_size>& payloads_;
    std::vector<std::uint32_t> free_slots_;
    std::array<std::uint32_t, ring_size> slot_of_{};
    std::array<std::uint32_t, ring_size> number_of_{};
    std::uint32_t sent_ = 0;
    std::uint32_t returned_ = 0;
    unsigned wrong_ = 0;
    unsigned sleeps_ = 0;
};

class SplitRingThreadsTest : public testing::TestWithParam<std::tuple<bool, unsigned>> {};

TEST_P(SplitRingThreadsTest, EveryBufferComesBackAndBothSidesWakeUp) {
    const auto [event_idx, start] = GetParam();
    RingPair pair{ring_size, event_idx, static_cast<std::uint16_t>(start)};
    std::array<std::uint32_t, ring_size> payloads{};
    Event doorbell{0};
    Event interrupt{0};
    std::atomic<bool> device_done{false};
    std::thread device{[&] { device_done = run_device(pair.device, payloads, doorbell, interrupt); }};
    Driver driver{pair.ring, payloads};
    EXPECT_TRUE(driver.run(doorbell, interrupt)) << "the driver was not woken, or " << int(pair.ring.fault());
    device.join();
    EXPECT_TRUE(device_done) << "the device was not woken";
    EXPECT_EQ(driver.wrong(), 0U);
    EXPECT_GT(driver.sleeps(), 0U);
    EXPECT_EQ(pair.ring.outstanding(), 0);
}

INSTANTIATE_TEST_SUITE_P(Starts, SplitRingThreadsTest, testing::Combine(testing::Bool(), testing::Values(0U, 0xfff0U)),
                         [](const auto& test) {
                             return std::string(std::get<0>(test.param) ? "EventIdxFrom" : "FlagsFrom") +
                                    std::to_string(std::get<1>(test.param));
                         });

}  // namespace
}  // namespace vmq::virtio
