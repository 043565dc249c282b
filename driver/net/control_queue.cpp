// The control virtqueue: one command at a time, each under a deadline.
#include "driver/net/control_queue.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <poll.h>
#include <thread>
#include <utility>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"

namespace vmq::net {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

// The command lies behind the ring: header, data, and on a cache line of its own the device's answer.
constexpr std::size_t data_space = 64;
constexpr std::size_t command_space = 128;
constexpr std::byte no_answer{0xff};

}  // namespace

std::size_t ControlQueue::memory_size(std::uint16_t size) noexcept {
    return virtio::SplitRing::memory_size(size) + 63 + command_space;
}

ControlQueue::ControlQueue(virtio::DmaBlock memory, std::uint16_t size, bool event_idx, VectorEvent* event)
    : memory_(std::move(memory)), ring_(memory_.bytes(), memory_.iova, size, event_idx), event_(event) {}

void ControlQueue::require_usable(const std::string& what) const {
    if (!usable_)
        support::fail(Errc::control_queue_unusable, what + ": an earlier command was never answered",
                      "restart the application to reset the device");
}

void ControlQueue::execute(virtio::ControlClass control_class, std::uint8_t command, std::span<const std::byte> data,
                           std::chrono::milliseconds deadline, const std::string& what) {
    require_usable(what);
    if (data.size() > data_space - sizeof(virtio::ControlHeader)) support::fail(Errc::out_of_range, what);
    commands_.add();

    const std::size_t offset = (virtio::SplitRing::memory_size(ring_.size()) + 63) / 64 * 64;
    std::byte* const request = memory_.data + offset;
    std::byte* const answer = request + data_space;
    const virtio::ControlHeader header{control_class, command};
    std::memcpy(request, &header, sizeof header);
    std::ranges::copy(data, request + sizeof header);
    *answer = no_answer;

    const virtio::Segment readable{memory_.iova + offset, static_cast<std::uint32_t>(sizeof header + data.size())};
    const virtio::Segment writable{memory_.iova + offset + data_space, 1};
    ring_.add_chain({&readable, 1}, {&writable, 1});
    if (ring_.publish()) doorbell_.ring();

    if (!await_answer(deadline)) {
        usable_ = false;
        failures_.add();
        if (ring_.fault() != virtio::RingFault::none)
            support::fail(Errc::bad_device, what + ": the device broke the control queue's used ring");
        support::fail(Errc::device_timeout, what + ": no answer within " + std::to_string(deadline.count()) + " ms");
    }
    if (*answer != std::byte{static_cast<std::uint8_t>(virtio::ControlAck::ok)}) {
        failures_.add();
        support::fail(Errc::device_refused, what + ": refused by the device");
    }
}

bool ControlQueue::await_answer(std::chrono::milliseconds deadline) noexcept {
    const auto end = Clock::now() + deadline;
    std::array<virtio::Used, 1> used;
    while (ring_.take_used(used) == 0) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
        if (left <= 0ms || ring_.fault() != virtio::RingFault::none) return false;
        if (event_ == nullptr) {
            std::this_thread::sleep_for(100us);
            continue;
        }
        // Looked at every 10 ms even so: an interrupt may get lost.
        pollfd ready{event_->fd(), POLLIN, 0};
        if (ring_.arm() && ::poll(&ready, 1, static_cast<int>(std::min(left, 10ms).count())) > 0) event_->drain();
    }
    return true;
}

}  // namespace vmq::net
