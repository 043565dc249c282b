// Placing pairs, interrupts and threads in one operation.
#include "driver/placement.hpp"

#include <map>
#include <mutex>
#include <system_error>
#include <utility>

#include "affinity/thread.hpp"

namespace vmq {

using namespace std::chrono_literals;
using affinity::CpuId;
using affinity::CpuSet;

namespace {

// How long irqbalance is not asked again, whatever moves the interrupts meanwhile.
constexpr auto question_period = 10s;

// A thread that took a queue pair is pinned to one vCPU; a second device opened from it may still use them all.
const CpuSet& initial_mask() {
    static const CpuSet mask = affinity::thread_affinity();
    return mask;
}

std::string cpu_text(CpuId cpu) { return "CPU " + std::to_string(cpu.value); }

std::string describe(const affinity::PairMove& move, const affinity::Topology& topology) {
    const affinity::Pu* const left = topology.find(move.from);
    std::string why;
    if (left == nullptr) {
        why = ", which is offline,";
    } else if (!left->allowed) {
        why = ", which this process may not use any more,";
    }
    return "queue pair " + std::to_string(move.pair) + " moves from " + cpu_text(move.from) + why + " to " +
           cpu_text(move.to);
}

}  // namespace

// Which thread is pinned for which pair. A thread may own pairs of several devices; the one it took last decides, and
// the other devices leave it alone.
struct PlacementKeeper::Pins {
    struct Pin {
        const PlacementKeeper* keeper = nullptr;
        unsigned pair = 0;
    };

    std::mutex mutex;  // also between a thread that takes a pair and the control thread that gives the pair a new place
    std::map<int, Pin> of_thread;
};

PlacementKeeper::Pins& PlacementKeeper::all_pins() {
    static Pins all;
    return all;
}

Places::Places(const Options& options, std::string_view device) : topology(affinity::load_topology(initial_mask())) {
    request_.device_node = affinity::pci_numa_node(device);
    request_.policy = options.placement;
    request_.cpus = options.cpus;
}

std::vector<int> Places::choose(unsigned pairs) {
    request_.pairs = pairs;
    placement = affinity::Placement(topology, request_);
    std::vector<int> nodes(pairs, affinity::unknown_node);
    for (const affinity::PairPlacement& place : placement.pairs()) nodes[place.pair] = place.numa_node;
    return nodes;
}

PlacementKeeper::PlacementKeeper(net::NetDevice& device, Places& places, const Options& options)
    : device_(device),
      places_(places),
      options_(options),
      pins_(all_pins()),
      vectors_(device, places.topology, places.placement.pairs()) {
    for (const affinity::PairPlacement& place : places_.placement.pairs())
        device_.pair(place.pair).set_placed_cpu(static_cast<int>(place.cpu.value));
    warn_each(vectors_.apply());
}

PlacementKeeper::~PlacementKeeper() {
    const std::scoped_lock lock(pins_.mutex);
    std::erase_if(pins_.of_thread, [&](const auto& pinned) { return pinned.second.keeper == this; });
}

void PlacementKeeper::pin_owner(net::PairCore& pair) {
    if (!options_.pin_threads) return;
    const std::scoped_lock lock(pins_.mutex);
    const auto& places = places_.placement.pairs();
    if (pair.index() >= places.size()) return;
    const CpuId cpu = places[pair.index()].cpu;
    affinity::pin_thread(cpu);
    pins_.of_thread[pair.owner_thread()] = {this, pair.index()};
    note_pinned(pair.owner_thread(), CpuSet{cpu});
}

void PlacementKeeper::begin() {
    // A control thread inherits its opener's mask, and that thread may have been pinned to one vCPU by another device.
    const CpuSet mine = affinity::thread_affinity();
    if (mine != initial_mask() && (mine & initial_mask()) == mine) affinity::pin_thread(initial_mask());
    if (places_.topology.cpus() == affinity::online_cpus()) seen_ = look();
}

void PlacementKeeper::look_after() {
    if (places_.placement.pairs().empty()) return;
    if (const Machine now = look(); now != seen_) {
        affinity::Topology topology = affinity::load_topology(now.allowed);
        const std::scoped_lock lock(pins_.mutex);
        places_.topology = std::move(topology);
        seen_ = now;
        place_anew();
    }
    {
        const std::scoped_lock lock(pins_.mutex);
        warn_each(keep_owners());
    }
    const std::vector<std::string> moved = vectors_.repair();
    warn_each(moved);
    keep_irqbalance_off(!moved.empty());
}

void PlacementKeeper::follow_queue_pairs() {
    const std::scoped_lock lock(pins_.mutex);
    place_anew();
}

void PlacementKeeper::place_anew() {
    for (const affinity::PairMove& move : places_.placement.follow(places_.topology, device_.queue_pairs())) {
        device_.pair(move.pair).set_placed_cpu(static_cast<int>(move.to.value));
        device_.set_memory_node(move.pair, places_.placement.pairs()[move.pair].numa_node);
        log(LogLevel::info, describe(move, places_.topology));
    }
    static_cast<void>(keep_owners());  // of those that moved, and those that the kernel has let go
    warn_each(vectors_.apply());
}

// The kernel frees a pinned thread when its vCPU goes offline, and an operator may move it like an interrupt.
std::vector<std::string> PlacementKeeper::keep_owners() {
    std::erase_if(pins_.of_thread, [&](const auto& pinned) {
        return pinned.second.keeper == this && device_.pair(pinned.second.pair).owner_thread() != pinned.first;
    });
    std::vector<std::string> moves;
    for (const auto& [thread, pin] : pins_.of_thread) {
        if (pin.keeper != this) continue;
        const CpuId cpu = places_.placement.pairs()[pin.pair].cpu;
        try {
            const CpuSet found = affinity::thread_affinity(thread);
            if (found != CpuSet{cpu}) {
                affinity::pin_thread(cpu, thread);
                moves.push_back("thread " + std::to_string(thread) + " of queue pair " + std::to_string(pin.pair) +
                                " was moved to CPU " + found.to_string() + ", put back to " + cpu_text(cpu));
            }
            note_pinned(thread, CpuSet{cpu});
        } catch (const std::system_error&) {
            // It ended without giving its pair back, or its vCPU has gone just now, which the next look will find.
            note_pinned(thread, {});
        }
    }
    return moves;
}

void PlacementKeeper::note_pinned(int thread, const CpuSet& mask) {
    const std::vector<CpuId> cpus = mask.to_vector();
    const int cpu = cpus.size() == 1 ? static_cast<int>(cpus.front().value) : -1;
    for (unsigned i = 0; i < device_.max_queue_pairs(); ++i) {
        net::PairCore& pair = device_.pair(i);
        if (pair.owner_thread() != thread) continue;
        pair.set_pinned_cpu(cpu);
        if (pair.owner_thread() != thread) pair.set_pinned_cpu(-1);  // given back meanwhile
    }
}

void PlacementKeeper::keep_irqbalance_off(bool again) {
    const auto now = std::chrono::steady_clock::now();
    const std::vector<unsigned> irqs = vectors_.irqs();
    if (irqs.empty() || now < next_question_ || (irqbalance_state_ && !again)) return;
    next_question_ = now + question_period;
    const affinity::IrqbalanceState state = irqbalance_.keep_off(irqs);
    if (irqbalance_state_ == state) return;
    irqbalance_state_ = state;
    const LogLevel level = state == affinity::IrqbalanceState::refused ? LogLevel::warning
                           : state == affinity::IrqbalanceState::told  ? LogLevel::info
                                                                       : LogLevel::debug;
    log(level, irqbalance_.story());
}

void PlacementKeeper::warn_each(const std::vector<std::string>& lines) const {
    for (const std::string& line : lines) log(LogLevel::warning, line);
}

void PlacementKeeper::log(LogLevel level, const std::string& text) const {
    if (options_.log) options_.log(level, device_.name() + ": " + text);
}

}  // namespace vmq
