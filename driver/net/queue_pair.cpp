// QueuePair: the public handle on a pair's core.
#include <utility>

#include <vmq/queue_pair.hpp>

#include "driver/net/pair_core.hpp"

namespace vmq {

QueuePair::QueuePair(QueuePair&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}

QueuePair& QueuePair::operator=(QueuePair&& other) noexcept {
    if (this != &other) {
        if (core_ != nullptr) core_->release();
        core_ = std::exchange(other.core_, nullptr);
    }
    return *this;
}

QueuePair::~QueuePair() {
    if (core_ != nullptr) core_->release();
}

std::size_t QueuePair::recv(Batch& batch, std::size_t most) noexcept { return core_->recv(batch, most); }
std::size_t QueuePair::send(Batch& batch) noexcept { return core_->send(batch); }
std::size_t QueuePair::allocate(Batch& batch, std::size_t count, std::size_t length) noexcept {
    return core_->allocate(batch, count, length);
}
void QueuePair::recycle(Batch& batch) noexcept { core_->recycle(batch); }
bool QueuePair::attach(Packet& packet, const RegisteredMemory& memory, std::span<const std::byte> piece,
                       const SendDone& done) noexcept {
    return core_->attach(packet, memory.registration_, piece, done);
}
WakeReason QueuePair::wait(std::chrono::nanoseconds timeout) noexcept { return core_->wait(timeout); }
bool QueuePair::arm() noexcept { return core_->arm(); }
int QueuePair::event_fd() { return core_->sleeper().event_fd(); }
unsigned QueuePair::index() const noexcept { return core_->index(); }
bool QueuePair::active() const noexcept { return status() == PairState::active; }
PairState QueuePair::status() const noexcept { return core_->state(); }
int QueuePair::cpu() const noexcept { return core_->placed_cpu(); }

}  // namespace vmq
