// Changing the number of queue pairs while traffic flows: whole, or not at all. VIRTIO 1.3, 5.1.6.5.5.
#include <algorithm>
#include <chrono>
#include <exception>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <vmq/error.hpp>

#include "driver/net/net_device.hpp"
#include "driver/support/endian.hpp"
#include "driver/support/errors.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::net {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto silence = 150ms;

}  // namespace

void NetDevice::set_queue_pairs(unsigned count) {
    const std::string request = name_ + ": requested " + std::to_string(count) + " queue pairs, ";
    if (count == 0) support::fail(Errc::out_of_range, request + "at least 1 is needed");
    if (count > max_queue_pairs())
        support::fail(Errc::out_of_range, request + "the device has " + std::to_string(max_queue_pairs()));
    if (stopped_) support::fail(Errc::device_removed, request + "the device has stopped");
    if (lost_) support::fail(Errc::device_removed, request + "the device is away", "it is waited for; try again then");
    if (count == queue_pairs()) return;
    control_->require_usable(name_ + ": " + std::to_string(count) + " queue pairs");
    if (rss_) static_cast<void>(rss_->config(rss_->settings(), count, request));
    if (count > queue_pairs()) grow(count);
    if (count < queue_pairs()) shrink(count);
}

void NetDevice::grow(unsigned count) {
    const unsigned before = queue_pairs();
    // The new receiveqs have buffers before the device may use them. A pair whose memory is posted already, since it
    // was in use before or an earlier command failed, keeps it.
    for (unsigned i = before; i < count; ++i)
        if (pairs_[i]->pool() == nullptr) prepare(*pairs_[i]);
    offer_buffers(before, count);
    if (features_.has(virtio::Feature::ring_reset)) put_coalescing_in_force(before, count);
    command_queue_pairs(count);
    queue_pairs_.store(count, std::memory_order_relaxed);
    for (unsigned i = before; i < count; ++i) {
        pairs_[i]->notify_receiveq();
        pairs_[i]->want(Shape::active);
    }
    if (owners_) hand_off(rss_->settings(), count);
}

void NetDevice::shrink(unsigned count) {
    const unsigned before = queue_pairs();
    const auto want = [&](Shape shape) {
        for (unsigned i = count; i < before; ++i) pairs_[i]->want(shape);
    };
    // Nothing may be queued on a transmitq that goes once the command is available; its receiveq lives on until the
    // command is used. What arrives there meanwhile is answered through pair 0, which is how a host that steers by what
    // it sees transmitted learns where the flow has gone.
    want(Shape::draining);
    try {
        await_owners(count, before);
        if (owners_) hand_off(rss_->settings(), count);
        if (steers_by_hash()) command_rss(rss_->settings(), count, before);  // so that no flow arrives there any more
        await_silence(count, before);
        command_queue_pairs(count);
    } catch (...) {
        // A command that was never answered may still be carried out. Until the device is reset these pairs receive,
        // and send through pair 0, which is right either way.
        if (control_->usable()) {
            want(Shape::active);
            return_flows(before);
        }
        throw;
    }
    queue_pairs_.store(count, std::memory_order_relaxed);
    want(Shape::parked);
    if (features_.has(virtio::Feature::ring_reset)) return_buffers(count, before);
}

// Resets the receiveqs of parked pairs, so that their buffers are the owners' again. 2.6.1
void NetDevice::return_buffers(unsigned first, unsigned last) noexcept {
    for (unsigned i = first; i < last; ++i) pairs_[i]->want(Shape::returning);
    unsigned next = first;
    try {
        await_owners(first, last);
        while (next < last) {
            const unsigned i = next++;
            transport_->reset_queue(receiveq_of(i));
            pairs_[i]->want(Shape::emptied);
        }
    } catch (const std::exception& error) {
        // The change itself is done. Where an owner does not call in the buffers stay posted, as without RING_RESET;
        // those of a queue that does not answer its reset may be written at any time, and nobody touches them.
        log(LogLevel::warning, error.what());
        for (; next < last; ++next) pairs_[next]->want(Shape::parked);
    }
}

// The opposite: fills the receiveqs that have been reset, and enables them.
void NetDevice::offer_buffers(unsigned first, unsigned last) {
    for (unsigned i = first; i < last; ++i) {
        PairCore& pair = *pairs_[i];
        if (pair.wants(Shape::returning)) {
            support::fail(Errc::device_timeout,
                          name_ + ": queue pair " + std::to_string(i) + ": the device never reset its receiveq",
                          "the device has to be reset");
        }
        if (!pair.wants(Shape::emptied)) continue;
        pair.want(Shape::refilled);
        try {
            await_owners(i, i + 1);
            if (!transport_->enable_queue(receiveq_of(i), pair.receiveq().config(plan_.pairs[i].receive)))
                support::fail(Errc::device_refused, name_ + ": interrupt vector of queue pair " + std::to_string(i));
        } catch (...) {
            pair.want(Shape::emptied);
            throw;
        }
        pair.want(Shape::parked);
    }
}

// Pairs without flows are no fault; the change has failed already, and says why.
void NetDevice::return_flows(unsigned count) noexcept {
    try {
        if (owners_) hand_off(rss_->settings(), count);
        if (steers_by_hash()) command_rss(rss_->settings(), count, count);
    } catch (const std::exception& error) {
        log(LogLevel::error, error.what());
    }
}

void NetDevice::command_queue_pairs(unsigned count) {
    // 5.1.6.5.7: with RSS the number of pairs comes with the table.
    if (steers_by_hash()) return command_rss(rss_->settings(), count, count);
    const std::string what = name_ + ": VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET " + std::to_string(count);
    const support::le16 pairs{static_cast<std::uint16_t>(count)};
    control_->execute(virtio::ControlClass::mq, virtio::mq_command::vq_pairs_set, std::as_bytes(std::span{&pairs, 1}),
                      options_.command_deadline, what);
}

// Until nothing has arrived for a moment on the pairs that go, where anybody is there to receive it. A device that does
// not watch what is transmitted would not move its flows however long that took.
void NetDevice::await_silence(unsigned first, unsigned last) {
    if (!transport_->steers_by_transmission()) return;
    const auto received = [&] {
        std::uint64_t sum = 0;
        for (unsigned i = first; i < last; ++i) sum += pairs_[i]->receiveq().counters.packets.value();
        return sum;
    };
    const auto end = Clock::now() + options_.settle_limit;
    auto last_look = Clock::now();
    Clock::duration silent{0};
    std::uint64_t before = received();
    while (last_look < end && silent < silence) {
        std::this_thread::sleep_for(1ms);
        const auto look = Clock::now();
        // A machine that stood still has not listened either.
        silent += std::min<Clock::duration>(look - std::exchange(last_look, look), 5ms);
        const std::uint64_t now = received();
        if (std::exchange(before, now) != now) silent = {};
    }
}

void NetDevice::await_owners(unsigned first, unsigned last) {
    const auto end = Clock::now() + options_.command_deadline;
    for (unsigned i = first; i < last; ++i) {
        while (!pairs_[i]->settled()) {
            if (Clock::now() >= end) {
                support::fail(Errc::owner_timeout, name_ + ": queue pair " + std::to_string(i) + ": its thread " +
                                                       std::to_string(pairs_[i]->owner_thread()) +
                                                       " called neither send nor recv nor wait within " +
                                                       std::to_string(options_.command_deadline.count()) + " ms");
            }
            std::this_thread::sleep_for(50us);
        }
    }
}

}  // namespace vmq::net
