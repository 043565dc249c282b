// Moving packets through one pair.
#include "tests/device/lane.hpp"

#include <utility>

namespace vmq::software {

namespace {

constexpr std::size_t burst = 64;  // then the other queues get their turn

}  // namespace

Lane::Lane(unsigned pair, const LaneContext& context)
    : receive_ring(context.memory, context.violations, "receiveq" + std::to_string(pair)),
      transmit_ring(context.memory, context.violations, "transmitq" + std::to_string(pair)),
      receiveq(receive_ring),
      transmitq(transmit_ring),
      pair_(pair),
      context_(context) {}

void Lane::start(virtio::FeatureSet features) {
    receiveq.start(features, context_.violations);
    transmitq.start(features, context_.violations);
}

void Lane::stop() noexcept {
    receive_ring.disable();
    transmit_ring.disable();
    receiveq.stop();
    transmitq.stop();
    backlog.clear();
    in_use_ = false;
    closed_at_.reset();
}

void Lane::check_closed() {
    if (!closed_at_ || transmit_ring.available_index() == *closed_at_) return;
    context_.violations.add(transmit_ring.name() + ": packets queued beyond the queue pairs in force");  // 5.1.6.5.5.2
    closed_at_ = transmit_ring.available_index();
}

void Lane::close_transmission() {
    if (!closed_at_) closed_at_ = transmit_ring.available_index();
}

void Lane::set_in_use(bool in_use) {
    if (in_use_ && !in_use) {
        check_closed();
        thrown_away += transmitq.take(transmit_ring.size(), completion, [](const Frame&) {});
        publish();
    }
    in_use_ = in_use;
}

void Lane::publish(Virtqueue& ring) {
    const bool wanted = ring.publish();
    if (wanted || context_.interrupts.mode() == InterruptMode::storm) context_.interrupts.raise(ring.vector());
}

void Lane::publish() {
    publish(receive_ring);
    publish(transmit_ring);
}

bool Lane::process_transmitq() {
    check_closed();
    if (!in_use_) return false;
    const auto sink = [this](Frame frame) {
        context_.steering.learn(flow_key(frame), pair_);
        if (context_.backend == nullptr) {
            transmitted.push_back(std::move(frame));
        } else if (auto reply = context_.backend->transmitted(pair_, std::move(frame))) {
            backlog.push_back(std::move(*reply));
        }
    };
    const std::size_t taken = transmitq.take(burst, completion, sink);
    transmit_ring.note_seen();
    publish(transmit_ring);
    return taken != 0;
}

bool Lane::process_receiveq() {
    if (!in_use_) return false;
    receiveq.fetch_all();
    receive_ring.note_seen();
    std::size_t delivered = 0;
    while (delivered < burst && receiveq.buffers() != 0) {
        if (backlog.empty()) {
            auto frame = context_.backend == nullptr ? std::nullopt : context_.backend->next(pair_);
            if (!frame) break;
            backlog.push_back(std::move(*frame));
        }
        if (!receiveq.deliver(backlog.front(), {})) break;
        backlog.pop_front();
        ++delivered;
    }
    publish(receive_ring);
    return delivered != 0;
}

bool Lane::inject(std::span<const std::byte> packet, const Delivery& delivery) {
    if (!in_use_) return false;
    receiveq.fetch_all();
    receive_ring.note_seen();
    const bool delivered = receiveq.deliver(packet, delivery);
    publish(receive_ring);
    return delivered;
}

}  // namespace vmq::software
