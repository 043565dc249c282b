// One queue pair in the hands of one owner thread.
#include "driver/net/pair_core.hpp"

#include <algorithm>
#include <utility>

#include "driver/net/packet_access.hpp"
#include "driver/net/wide.hpp"

namespace vmq::net {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

// The plain loops take what the wide routines leave, from packet `done` on; those are called out of line, so that a
// short burst does not pay for the registers that they need.
std::size_t give_plain(PacketPool& pool, const Packet* packets, std::size_t done, std::size_t count) noexcept {
    const std::uint32_t whole = PacketAccess::form_of(pool, 1);
    BufferRef* const refs = pool.begin_give();
    for (; done < count && PacketAccess::form(packets[done]) == whole; ++done)
        PacketAccess::copy_ref(refs[done], packets[done]);
    pool.end_give(done);
    return done;
}

[[gnu::noinline]] std::size_t give_wide(const wide::Routines& wide, PacketPool& pool, const Packet* packets,
                                        std::size_t count) noexcept {
    const std::size_t done = wide.give(pool.begin_give(), packets, count, PacketAccess::form_of(pool, 1));
    return give_plain(pool, packets, done, count);
}

// Gives packets back up to the first that is not one whole buffer of the pool; returns how many.
std::size_t give_whole(const wide::Routines* wide, PacketPool& pool, const Packet* packets,
                       std::size_t count) noexcept {
    if (count >= wide::group && wide != nullptr) return give_wide(*wide, pool, packets, count);
    return give_plain(pool, packets, 0, count);
}

void make_plain(Packet* packets, const BufferRef* refs, std::size_t done, std::size_t count,
                std::uint64_t shape) noexcept {
    for (; done < count; ++done) PacketAccess::place(packets + done, refs[done], shape);
}

[[gnu::noinline]] void make_wide(const wide::Routines& wide, Packet* packets, const BufferRef* refs, std::size_t count,
                                 std::uint64_t shape) noexcept {
    make_plain(packets, refs, wide.make(packets, refs, count, shape), count, shape);
}

// Appends up to `wanted` packets in whole buffers; returns how many the pool had.
std::size_t append_whole(const wide::Routines* wide, PacketPool& pool, Batch& batch, std::size_t wanted,
                         std::uint64_t shape) noexcept {
    const BufferRef* const refs = pool.take(wanted);
    Packet* const packets = PacketAccess::storage(batch) + batch.size();
    PacketAccess::set_size(batch, batch.size() + wanted);
    if (wanted >= wide::group && wide != nullptr) {
        make_wide(*wide, packets, refs, wanted, shape);
    } else {
        make_plain(packets, refs, 0, wanted, shape);
    }
    return wanted;
}

}  // namespace

PairCore::PairCore(unsigned index, std::unique_ptr<Receiveq> receiveq, std::unique_ptr<Transmitq> transmitq,
                   WaitMode wait)
    : index_(index), receiveq_(std::move(receiveq)), transmitq_(std::move(transmitq)), sleeper_(wait) {}

std::size_t PairCore::recv(Batch& batch, std::size_t most) noexcept {
    recycle(batch);
    if (is_called()) answer();
    if (takes_arrivals_) return recv_with_arrivals(batch, std::min(most, Batch::capacity));
    if (!is_live()) return 0;
    receiveq_->receive(batch, std::min(most, Batch::capacity));
    if (receiveq_->ails()) tend_receiveq();
    return batch.size();
}

void PairCore::tend_receiveq() noexcept {
    if (receiveq_->broken()) note_faults();
    if (!receiveq_->short_of_buffers() || shape_ != Shape::active) return;
    // They may lie used in the transmitq, which a thread that only polls recv has no reason to look at.
    reclaim();
    receiveq_->refill();
}

std::size_t PairCore::send(Batch& batch) noexcept {
    if (is_called()) answer();
    if (batch.empty()) return 0;
    if (shape_ != Shape::active) return hand_over(batch);
    const std::size_t taken = transmitq_->send(batch);
    if (transmitq_->ails()) tend_transmitq();
    return taken;
}

void PairCore::tend_transmitq() noexcept {
    if (transmitq_->broken()) return note_faults();
    call(call_pieces);  // until they are back, every burst looks for them
}

std::size_t PairCore::hand_over(Batch& batch) noexcept {
    const bool leaving = shape_ == Shape::draining || is_parked();
    if (!leaving || relay_target_ == nullptr || relay_target_->owner_thread() == 0) return 0;
    const std::size_t taken = relay_target_->relay_.push(batch, relay_target_->transmitq_->size()).count;
    if (taken != 0) {
        relay_target_->call(call_relay);
        relay_target_->sleeper_.wake();
    }
    handed_over_.add(taken);
    return taken;
}

void PairCore::send_for(Batch& batch) noexcept {
    relay_.push(batch, transmitq_->size());
    call(call_relay);
    sleeper_.wake();
    const std::scoped_lock lock(ownership_);
    if (owner_thread_.load(std::memory_order_relaxed) == 0) answer();
}

void PairCore::send_relayed() noexcept {
    if (shape_ == Shape::active) {
        reclaim();  // others wait for their buffers, and this pair may send nothing else
        relay_.pull(relayed_);
        if (!relayed_.empty()) transmitq_->send(relayed_);
        if (transmitq_->ails()) tend_transmitq();
    }
    if (!relay_.empty() || !relayed_.empty()) call(call_relay);
}

std::size_t PairCore::allocate(Batch& batch, std::size_t count, std::size_t length) noexcept {
    if (is_called()) answer();
    if (!pool_) return 0;
    const std::uint64_t shape =
        PacketAccess::whole(*pool_, std::min<std::size_t>(length, pool_->buffer_size() - packet_offset));
    const std::size_t wanted = std::min(count, Batch::capacity - batch.size());
    const std::size_t added = append_whole(wide_, *pool_, batch, wanted, shape);
    return added == wanted ? added : added + allocate_reclaimed(batch, wanted - added, shape);
}

std::size_t PairCore::allocate_reclaimed(Batch& batch, std::size_t wanted, std::uint64_t shape) noexcept {
    if (is_live()) reclaim();
    return append_whole(wide_, *pool_, batch, wanted, shape);
}

void PairCore::recycle(Batch& batch) noexcept {
    const std::size_t count = batch.size();
    if (count == 0) return;
    if (!pool_) return batch.clear();
    const std::size_t done = give_whole(wide_, *pool_, batch.begin(), count);
    if (done < count) give_others(batch, done);
    PacketAccess::set_size(batch, 0);
}

void PairCore::give_others(Batch& batch, std::size_t done) noexcept {
    while (done < batch.size()) {
        pool_->give_chain(PacketAccess::buffer(batch[done++]));
        done += give_whole(wide_, *pool_, batch.begin() + done, batch.size() - done);
    }
}

WakeReason PairCore::wait(std::chrono::nanoseconds timeout) noexcept {
    const bool for_ever = timeout < 0ns;
    const auto start = Clock::now();
    for (unsigned round = 0;; ++round) {
        if (const auto reason = look()) {
            disarm_rings();
            return *reason;
        }
        if (!arm_rings()) continue;
        const auto left = for_ever ? std::chrono::nanoseconds::max() : timeout - (Clock::now() - start);
        if (left <= 0ns) {
            disarm_rings();
            return WakeReason::timeout;
        }
        // Draining ends when the transmitq is empty, and what is relayed leaves when there is room, for which no
        // interrupt needs to come.
        const bool waits = is_called();
        if (sleeper_.sleep(waits ? std::min<std::chrono::nanoseconds>(left, 1ms) : left, round)) wakeups_.add();
    }
}

bool PairCore::arm() noexcept {
    sleeper_.drain();
    return !look() && arm_rings();
}

// What wait would return at once, if anything.
std::optional<WakeReason> PairCore::look() noexcept {
    if (is_called()) answer();
    if (shape_ == Shape::stopped || broken_.load(std::memory_order_relaxed)) return WakeReason::stopped;
    if (std::exchange(return_untold_, false) || std::exchange(pieces_untold_, false)) return WakeReason::ready;
    if (!arrivals_.empty() || !delivered_.empty() || (is_live() && receiveq_->has_used())) return WakeReason::ready;
    if (is_parked() && std::exchange(parking_untold_, false)) return WakeReason::parked;
    if (shape_ == Shape::active && transmitq_->blocked()) {
        reclaim();
        if (broken_.load(std::memory_order_relaxed)) return WakeReason::stopped;
        if (!transmitq_->blocked()) return WakeReason::ready;
    }
    return std::nullopt;
}

// False: something has come meanwhile, look again.
bool PairCore::arm_rings() noexcept {
    if (shape_ != Shape::active && shape_ != Shape::draining) return true;
    receiveq_->refill();
    if (!receiveq_->arm()) return false;
    if (!transmitq_->blocked() && !receiveq_->starved() && transmitq_->pieces() == 0) return true;
    if (transmitq_->idle() || transmitq_->arm()) return true;
    reclaim();
    receiveq_->refill();
    return false;
}

void PairCore::disarm_rings() noexcept {
    if (!is_live()) return;
    receiveq_->disarm();
    transmitq_->disarm();
}

void PairCore::answer() noexcept {
    const std::uint32_t reasons = call_.exchange(0, std::memory_order_acq_rel);
    if ((reasons & call_shape) != 0) follow_shape();
    if ((reasons & call_relay) != 0) send_relayed();
    if ((reasons & call_pieces) != 0) take_pieces_back();
}

void PairCore::take_pieces_back() noexcept {
    if (is_live()) reclaim();
    if (transmitq_->pieces() != 0 && !transmitq_->broken()) call(call_pieces);
}

// Whatever has a reason to look into the transmitq sees what is wrong with it.
void PairCore::reclaim() noexcept {
    const std::size_t pieces = transmitq_->pieces();
    transmitq_->reclaim();
    if (transmitq_->pieces() != pieces) pieces_untold_ = true;
    if (transmitq_->broken()) note_faults();
}

void PairCore::note_faults() noexcept {
    if (receiveq_->broken() && receive_faults_.value() == 0) receive_faults_.add();
    if (transmitq_->broken() && transmit_faults_.value() == 0) transmit_faults_.add();
    broken_.store(true, std::memory_order_relaxed);
}

PairStats PairCore::stats() const noexcept {
    const ReceiveCounters& rx = receiveq_->counters;
    const TransmitCounters& tx = transmitq_->counters;
    PairStats stats;
    stats.pair = index_;
    stats.state = state();
    stats.rx_packets = rx.packets.value();
    stats.rx_bytes = rx.bytes.value();
    stats.rx_drops_oversized = rx.drops_oversized.value();
    stats.rx_drops_short = rx.drops_short.value();
    stats.rx_drops_bad_header = rx.drops_bad_header.value();
    stats.rx_lost = rx.lost.value();
    stats.rx_refill_failures = rx.refill_failures.value();
    stats.rx_interrupts = sleeper_.receive_event().interrupts_read();
    stats.rx_notifies = rx.notifies.value();
    stats.rx_handed_off = handed_off_.value();
    stats.rx_taken_in = taken_in_.value();
    stats.rx_faults = receive_faults_.value();
    stats.tx_packets = tx.packets.value();
    stats.tx_bytes = tx.bytes.value();
    stats.tx_attached_bytes = tx.attached_bytes.value();
    stats.tx_software_checksums = tx.software_checksums.value();
    stats.tx_software_segments = tx.software_segments.value();
    stats.tx_relayed = handed_over_.value();
    stats.tx_completed = tx.completed.value();
    stats.tx_lost = tx.lost.value();
    stats.tx_rejected = tx.rejected.value();
    stats.tx_ring_full = tx.ring_full.value();
    stats.tx_interrupts = sleeper_.transmit_event().interrupts_read();
    stats.tx_notifies = tx.notifies.value();
    stats.tx_faults = transmit_faults_.value();
    stats.wakeups = wakeups_.value();
    return stats;
}

}  // namespace vmq::net
