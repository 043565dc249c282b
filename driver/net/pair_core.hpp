// One queue pair: a receiveq, a transmitq and a packet pool in the hands of one owner thread, and the few words through
// which the control thread changes the pair's shape under the owner's feet. VIRTIO 1.3, 5.1.6.5.5.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <vmq/memory.hpp>
#include <vmq/queue_pair.hpp>
#include <vmq/stats.hpp>

#include "driver/net/flow_owners.hpp"
#include "driver/net/packet_pool.hpp"
#include "driver/net/receiveq.hpp"
#include "driver/net/relay.hpp"
#include "driver/net/transmitq.hpp"
#include "driver/net/wake.hpp"
#include "driver/net/wide.hpp"

namespace vmq::net {

// What the control thread wants a pair to be. The owner reads it once per burst.
enum class Shape : std::uint32_t {
    unprepared,  // never used so far: no packet memory yet, nothing posted
    active,
    draining,   // sends nothing more; seen by the owner once nothing is in flight on the transmitq
    parked,     // the device has stopped using it; what it delivered before is still handed out
    returning,  // parked, and the receiveq about to be reset: the owner leaves both rings alone
    emptied,    // parked, and the receiveq has been reset: its buffers are the pool's again. VIRTIO 1.3, 2.6.1
    refilled,   // parked, and the receiveq full again, which the device does not know of yet
    suspended,  // the device is about to be reset: the owner leaves both rings alone
    cleared,    // the device has been reset: the owner starts both rings anew, and leaves them alone otherwise
    stopped,    // the device is gone
};

class PairCore {
public:
    PairCore(unsigned index, std::unique_ptr<Receiveq> receiveq, std::unique_ptr<Transmitq> transmitq, WaitMode wait);

    // Owner only.
    std::size_t recv(Batch& batch, std::size_t most) noexcept;
    std::size_t send(Batch& batch) noexcept;
    std::size_t allocate(Batch& batch, std::size_t count, std::size_t length) noexcept;
    void recycle(Batch& batch) noexcept;
    WakeReason wait(std::chrono::nanoseconds timeout) noexcept;
    [[nodiscard]] bool arm() noexcept;
    [[nodiscard]] bool attach(Packet& packet, const std::shared_ptr<Registration>& memory,
                              std::span<const std::byte> piece, const SendDone& done) noexcept;

    // Where packets go that this pair may not send itself; before the pair is first taken.
    void relay_through(PairCore& active) noexcept { relay_target_ = &active; }

    // Received packets go to the pairs that `owners` names; before the pair is first taken.
    void hand_off_by(const FlowOwners& owners, const std::vector<std::unique_ptr<PairCore>>& pairs) noexcept {
        takes_arrivals_ = true;
        owners_ = &owners;
        peers_ = &pairs;
    }
    // Any thread: received packets that this pair's owner is to have; takes them from the front, returns how many.
    std::size_t take_in(Batch& batch) noexcept;

    // Control thread: packets that this pair's owner is to send, or nobody when there is none. Takes what it can.
    void send_for(Batch& batch) noexcept;

    // Any thread. acquire throws Errc::busy when another owner has the pair.
    void acquire(std::string_view device_name);
    void release() noexcept;
    [[nodiscard]] unsigned index() const noexcept { return index_; }
    [[nodiscard]] PairState state() const noexcept;
    [[nodiscard]] PairStats stats() const noexcept;
    [[nodiscard]] int owner_thread() const noexcept { return owner_thread_.load(std::memory_order_relaxed); }
    [[nodiscard]] int pinned_cpu() const noexcept { return pinned_cpu_.load(std::memory_order_relaxed); }
    [[nodiscard]] int placed_cpu() const noexcept { return placed_cpu_.load(std::memory_order_relaxed); }
    void set_placed_cpu(int cpu) noexcept { placed_cpu_.store(cpu, std::memory_order_relaxed); }
    void set_pinned_cpu(int cpu) noexcept { pinned_cpu_.store(cpu, std::memory_order_relaxed); }

    // Control thread only.
    // Gives an unprepared pair its packet memory and fills its receiveq; nothing is notified.
    void prepare(std::unique_ptr<PacketPool> pool);
    // Publishes a new shape and wakes the owner.
    void want(Shape shape) noexcept;
    // True once the owner, or the control thread in the place of an absent one, has taken up the wanted shape.
    [[nodiscard]] bool settled() noexcept;
    [[nodiscard]] bool wants(Shape shape) const noexcept { return wanted_.load(std::memory_order_relaxed) == shape; }
    // After DRIVER_OK: tells the device about the buffers that prepare posted.
    void notify_receiveq() const noexcept { receiveq_->notify(); }

    [[nodiscard]] Receiveq& receiveq() noexcept { return *receiveq_; }
    [[nodiscard]] Transmitq& transmitq() noexcept { return *transmitq_; }
    [[nodiscard]] Sleeper& sleeper() noexcept { return sleeper_; }
    [[nodiscard]] const Sleeper& sleeper() const noexcept { return sleeper_; }
    // The device has been reset for good, and nobody owns the pair: every packet in it ends.
    void abandon() noexcept;
    [[nodiscard]] const PacketPool* pool() const noexcept { return pool_.get(); }

private:
    // The one thing a burst asks of other threads: whether they want something of this pair.
    [[nodiscard]] bool is_called() const noexcept { return call_.load(std::memory_order_acquire) != 0; }
    void call(std::uint32_t reason) noexcept { call_.fetch_or(reason, std::memory_order_release); }
    [[gnu::noinline]] void answer() noexcept;
    void follow_shape() noexcept;
    void restart() noexcept;
    void empty_receiveq() noexcept;
    // What a burst does now and then only, out of its way.
    [[gnu::noinline]] void tend_receiveq() noexcept;
    [[gnu::noinline]] void tend_transmitq() noexcept;
    void take_pieces_back() noexcept;
    [[gnu::noinline]] std::size_t allocate_reclaimed(Batch& batch, std::size_t wanted, std::uint64_t shape) noexcept;
    [[gnu::noinline]] void give_others(Batch& batch, std::size_t done) noexcept;
    [[gnu::noinline]] std::size_t recv_with_arrivals(Batch& batch, std::size_t most) noexcept;
    bool recv_arrivals(Batch& batch, std::size_t most) noexcept;
    void hand_off(Batch& batch) noexcept;
    std::size_t hand_over(Batch& batch) noexcept;
    void send_relayed() noexcept;
    void reclaim() noexcept;
    void note_faults() noexcept;
    [[nodiscard]] std::optional<WakeReason> look() noexcept;
    [[nodiscard]] bool arm_rings() noexcept;
    void disarm_rings() noexcept;
    [[nodiscard]] bool is_parked() const noexcept { return shape_ >= Shape::parked && shape_ <= Shape::refilled; }
    // The device may use the rings, and the owner with it.
    [[nodiscard]] bool is_live() const noexcept {
        return shape_ == Shape::active || shape_ == Shape::draining || shape_ == Shape::parked;
    }

    static constexpr std::uint32_t call_shape = 1;
    static constexpr std::uint32_t call_relay = 2;
    static constexpr std::uint32_t call_pieces = 4;  // the owner's own: some are in flight

    const unsigned index_;
    const wide::Routines* const wide_ = wide::routines();
    std::atomic<int> placed_cpu_{-1};

    // The owner's. `shape_` is what it acts by; it is ahead of seen_ while it still drains the transmitq.
    Shape shape_ = Shape::unprepared;
    bool parking_untold_ = false;  // wait has yet to return `parked`
    bool return_untold_ = false;   // wait has yet to tell that the pair is active again
    bool pieces_untold_ = false;   // wait has yet to tell that attached pieces have come back
    std::unique_ptr<PacketPool> pool_;
    std::unique_ptr<Receiveq> receiveq_;
    std::unique_ptr<Transmitq> transmitq_;
    Sleeper sleeper_;
    PairCore* relay_target_ = nullptr;
    const FlowOwners* owners_ = nullptr;
    const std::vector<std::unique_ptr<PairCore>>* peers_ = nullptr;
    Relay delivered_;              // before the receiveq was reset, and not yet received
    bool takes_arrivals_ = false;  // recv has more to look at than the receiveq
    bool arrivals_turn_ = false;
    Batch relayed_;  // taken from the relay, and not yet by the transmitq
    Counter wakeups_;
    Counter handed_over_;
    Counter handed_off_;
    Counter taken_in_;
    Counter receive_faults_;
    Counter transmit_faults_;

    // Between owner and control thread.
    alignas(64) std::atomic<std::uint32_t> call_{0};
    std::atomic<Shape> wanted_{Shape::unprepared};
    std::atomic<Shape> seen_{Shape::unprepared};
    Relay relay_;
    Relay arrivals_;
    std::atomic<bool> broken_{false};
    std::atomic<int> owner_thread_{0};
    std::atomic<int> pinned_cpu_{-1};
    std::mutex ownership_;  // while ownership changes hands, and while the control thread acts for an absent owner
};

}  // namespace vmq::net
