// What a queue pair is to be, as the control thread wants it and the owner takes it up, and who the owner is.
// VIRTIO 1.3, 5.1.6.5.5 and 2.6.1.
#include <mutex>
#include <string>
#include <unistd.h>
#include <utility>

#include <vmq/error.hpp>

#include "driver/net/pair_core.hpp"
#include "driver/support/errors.hpp"

namespace vmq::net {

void PairCore::follow_shape() noexcept {
    const Shape wanted = wanted_.load(std::memory_order_acquire);
    const Shape before = std::exchange(shape_, wanted);
    const bool used_before = before == Shape::active || before == Shape::draining;
    switch (wanted) {
        case Shape::draining:
            // 5.1.6.5.5: nothing may be left on the transmitq when the command is made available.
            reclaim();
            if (!transmitq_->idle() && !transmitq_->broken()) return call(call_shape);
            break;
        case Shape::active:
            return_untold_ = !used_before;
            parking_untold_ = false;
            break;
        case Shape::emptied:
            if (before != Shape::emptied) empty_receiveq();
            [[fallthrough]];
        case Shape::parked:
        case Shape::returning:
            parking_untold_ = parking_untold_ || used_before;
            return_untold_ = false;
            break;
        case Shape::refilled:
            if (before == Shape::refilled) break;
            if (before != Shape::emptied) empty_receiveq();
            receiveq_->fill();
            break;
        case Shape::cleared:
            if (before != Shape::cleared) restart();
            break;
        case Shape::unprepared:
        case Shape::suspended:
        case Shape::stopped:
            break;
    }
    seen_.store(wanted, std::memory_order_release);
}

// What the device delivered before is the owner's to receive still.
void PairCore::empty_receiveq() noexcept {
    for (Batch delivered; receiveq_->has_used();) {
        receiveq_->take_delivered(delivered);
        if (owners_ != nullptr) hand_off(delivered);
        delivered_.push(delivered, SIZE_MAX);
    }
    takes_arrivals_ = true;
    receiveq_->empty();
}

void PairCore::restart() noexcept {
    broken_.store(false, std::memory_order_relaxed);
    if (!pool_) return;
    receiveq_->restart();
    transmitq_->restart();
}

void PairCore::abandon() noexcept {
    if (!pool_) return;
    transmitq_->restart();
    for (relayed_.clear(); !relay_.empty(); relayed_.clear()) relay_.pull(relayed_);
}

void PairCore::acquire(std::string_view device_name) {
    const std::scoped_lock lock(ownership_);
    if (const int owner = owner_thread_.load(std::memory_order_relaxed); owner != 0) {
        support::fail(Errc::busy, std::string(device_name) + ": queue pair " + std::to_string(index_) +
                                      " belongs to thread " + std::to_string(owner));
    }
    owner_thread_.store(::gettid(), std::memory_order_relaxed);
    // What happened before is no news to this owner.
    if (is_called()) answer();
    return_untold_ = parking_untold_ = pieces_untold_ = false;
}

void PairCore::release() noexcept {
    const std::scoped_lock lock(ownership_);
    owner_thread_.store(0, std::memory_order_relaxed);
    pinned_cpu_.store(-1, std::memory_order_relaxed);
}

PairState PairCore::state() const noexcept {
    const Shape wanted = wanted_.load(std::memory_order_relaxed);
    if (wanted == Shape::stopped) return PairState::stopped;
    if (broken_.load(std::memory_order_relaxed)) return PairState::broken;
    if (wanted == Shape::active) return PairState::active;
    if (wanted == Shape::draining) return PairState::draining;
    const bool reset = wanted == Shape::suspended || wanted == Shape::cleared;
    return reset ? PairState::suspended : PairState::parked;
}

void PairCore::prepare(std::unique_ptr<PacketPool> pool) {
    pool_ = std::move(pool);
    receiveq_->use_pool(*pool_);
    transmitq_->use_pool(*pool_);
    receiveq_->fill();
}

void PairCore::want(Shape shape) noexcept {
    wanted_.store(shape, std::memory_order_release);
    call(call_shape);
    sleeper_.wake();
}

bool PairCore::settled() noexcept {
    const Shape wanted = wanted_.load(std::memory_order_relaxed);
    if (seen_.load(std::memory_order_acquire) == wanted) return true;
    const std::scoped_lock lock(ownership_);
    if (owner_thread_.load(std::memory_order_relaxed) == 0) follow_shape();
    return seen_.load(std::memory_order_acquire) == wanted;
}

}  // namespace vmq::net
