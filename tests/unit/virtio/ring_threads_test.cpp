// Driver and device on two threads that sleep whenever the ring lets them: no buffer and no wake-up may be lost.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <semaphore>
#include <span>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "driver/virtio/ring.hpp"
#include "tests/unit/virtio/ring_fixture.hpp"

namespace vmq::virtio {
namespace {

using Event = std::counting_semaphore<>;
// What a buffer's address stands for: the payload of its slot.
using Payloads = std::array<std::uint32_t, ring_size>;

constexpr std::uint32_t buffers = 20'000;
constexpr std::uint32_t skipped = 0xffff'ffff;  // the length of a buffer inside a batch

bool sleep(Event& event) { return event.try_acquire_for(std::chrono::seconds{30}); }

// Uses up to three buffers at a time, backwards or as one batch. True: the driver wants an interrupt.
template <typename Ring>
bool use(RingDevice<Ring>& device, std::span<Available> found, Payloads& payloads, bool in_order) {
    std::uint32_t length = 0;
    if (!in_order) std::reverse(found.begin(), found.end());
    for (const Available& buffer : found) {
        std::uint32_t& payload = payloads.at(buffer.pieces.at(0).address);
        length = payload;
        payload *= 2;
        if (!in_order) device.use(buffer, length);
    }
    if (in_order) device.use_batch(found, length);
    return device.publish();
}

// Reads the number in each buffer, doubles it, and sleeps when nothing is available. False: it was never woken.
template <typename Ring>
bool run_device(RingDevice<Ring>& device, Payloads& payloads, bool in_order, Event& doorbell, Event& interrupt) {
    for (std::uint32_t done = 0; done < buffers;) {
        std::vector<Available> found;
        bool wanted = false;
        while (auto buffer = device.take()) {
            found.push_back(std::move(*buffer));
            ++done;
            if (found.size() < 1 + done / 100 % 3) continue;
            wanted |= use(device, std::span{found}, payloads, in_order);
            found.clear();
        }
        if (!found.empty()) wanted |= use(device, std::span{found}, payloads, in_order);
        if (wanted) interrupt.release();
        if (done < buffers && device.arm() && !sleep(doorbell)) return false;
    }
    return true;
}

template <typename Ring>
class Driver {
public:
    Driver(RingPair<Ring>& pair, Payloads& payloads) : pair_(pair), payloads_(payloads) {
        pair.ring.write_length(skipped);
    }

    // Keeps the ring as full as bursts of one to four allow, and sleeps when nothing can be done. False: it was never
    // woken.
    bool run(Event& doorbell, Event& interrupt) {
        while (returned_ < buffers) {
            bool full = false;
            for (std::uint32_t burst = sent_ % 4 + 1; burst > 0 && sent_ < buffers && !full; --burst) full = !send();
            if (pair_.ring.publish()) doorbell.release();
            const bool idle = !receive() && (full || sent_ == buffers);
            if (pair_.ring.fault() != RingFault::none) return false;
            if (idle && returned_ < buffers && pair_.ring.arm()) {
                ++sleeps_;
                if (!sleep(interrupt)) return false;
                pair_.ring.disarm();
            }
        }
        return true;
    }
    [[nodiscard]] unsigned wrong() const { return wrong_; }
    [[nodiscard]] unsigned sleeps() const { return sleeps_; }

private:
    // Thousands of single buffers, then as many with chains among them.
    bool send() {
        const std::array chain{Segment{Iova{pair_.ring.slots().slot(pair_.ring.slots().staged)}, 4}, Segment{}};
        const std::size_t segments = sent_ / 4000 % 2 == 1 && sent_ % 5 == 0 ? 2 : 1;
        if (pair_.ring.slots().free() < segments) return false;
        payloads_[chain[0].address.value] = sent_;
        number_of_[pair_.ring.add_chain(std::span{chain}.first(segments), {})] = sent_++;
        return true;
    }
    bool receive() {
        pair_.in_bursts = !pair_.in_bursts;
        const auto all = pair_.take_all();
        for (const Used& used : all) {
            const std::uint32_t number = number_of_[used.id];
            if (used.length != skipped && used.length != number) ++wrong_;
            if (payloads_[used.id] != 2 * number) ++wrong_;
        }
        returned_ += static_cast<std::uint32_t>(all.size());
        return !all.empty();
    }

    RingPair<Ring>& pair_;
    Payloads& payloads_;
    std::array<std::uint32_t, ring_size> number_of_{};
    std::uint32_t sent_ = 0;
    std::uint32_t returned_ = 0;
    unsigned wrong_ = 0;
    unsigned sleeps_ = 0;
};

template <typename Ring>
class RingThreadsTest : public RingTest<Ring> {
protected:
    static void run(bool in_order, bool event_idx) {
        RingPair<Ring> pair{ring_size, RingTest<Ring>::format(in_order, event_idx), 0xfff0};
        Payloads payloads{};
        Event doorbell{0};
        Event interrupt{0};
        std::atomic<bool> device_done{false};
        std::thread device{[&] { device_done = run_device(pair.device, payloads, in_order, doorbell, interrupt); }};
        Driver<Ring> driver{pair, payloads};
        EXPECT_TRUE(driver.run(doorbell, interrupt)) << "the driver was not woken, or " << int(pair.ring.fault());
        device.join();
        EXPECT_TRUE(device_done) << "the device was not woken";
        EXPECT_EQ(driver.wrong(), 0U);
        EXPECT_GT(driver.sleeps(), 0U);
        EXPECT_EQ(pair.ring.slots().free(), ring_size);
    }
};
TYPED_TEST_SUITE(RingThreadsTest, BothRings, RingNames);

TYPED_TEST(RingThreadsTest, BackwardsWithFlags) { this->run(false, false); }
TYPED_TEST(RingThreadsTest, BackwardsWithEvents) { this->run(false, true); }
TYPED_TEST(RingThreadsTest, InBatchesWithFlags) { this->run(true, false); }
TYPED_TEST(RingThreadsTest, InBatchesWithEvents) { this->run(true, true); }

}  // namespace
}  // namespace vmq::virtio
