// Received packets that do not come straight from the pair's own receiveq: what other pairs hand over because the flow
// is this one's, and what came before the receiveq was reset. A flow's packets keep their order as long as they arrive
// on one pair.
#include <utility>

#include "driver/net/pair_core.hpp"

namespace vmq::net {

std::size_t PairCore::recv_with_arrivals(Batch& batch, std::size_t most) noexcept {
    delivered_.pull(batch, most);
    if (!batch.empty()) return batch.size();
    // In turn, so that neither keeps the other waiting for ever.
    arrivals_turn_ = !arrivals_turn_;
    if (arrivals_turn_ && recv_arrivals(batch, most)) return batch.size();
    if (is_live()) receiveq_->receive(batch, most);
    if (receiveq_->ails()) tend_receiveq();
    if (owners_ != nullptr) hand_off(batch);
    if (batch.empty()) recv_arrivals(batch, most);
    return batch.size();
}

bool PairCore::recv_arrivals(Batch& batch, std::size_t most) noexcept {
    arrivals_.pull(batch, most);
    taken_in_.add(batch.size());
    return !batch.empty();
}

void PairCore::hand_off(Batch& batch) noexcept {
    Batch crossing;
    Batch refused;
    unsigned to = index_;
    const auto flush = [&] {
        if (!crossing.empty()) handed_off_.add((*peers_)[to]->take_in(crossing));
        while (!crossing.empty()) refused.push(crossing.take(0));
    };
    batch.erase_if([&](Packet& packet) {
        const unsigned owner = owners_->owner_of(packet.bytes()).value_or(index_);
        if (owner == index_ || owner >= peers_->size() || (*peers_)[owner]->owner_thread() == 0) return false;
        if (owner != to) flush();
        to = owner;
        crossing.push(std::move(packet));
        return true;
    });
    flush();
    while (!refused.empty()) batch.push(refused.take(0));
}

std::size_t PairCore::take_in(Batch& batch) noexcept {
    const Relay::Pushed pushed = arrivals_.push(batch, receiveq_->size());
    if (pushed.into_empty) sleeper_.wake();
    return pushed.count;
}

}  // namespace vmq::net
