// The threads of mqperf soak.
#include "tools/mqperf/soak.hpp"

#include <algorithm>
#include <random>

#include "tools/mqperf/pacer.hpp"
#include "tools/mqperf/responder.hpp"
#include "tools/mqperf/serve.hpp"
#include "tools/mqperf/shared.hpp"

namespace vmq::mqperf {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto patience = 2s;         // without any return, for what is on its way
constexpr auto link_settles = 500ms;  // after it is up again: what comes until then was not lost

std::uint64_t sum(const std::vector<SoakLedger>& ledgers, std::uint64_t (SoakLedger::*figure)() const noexcept) {
    std::uint64_t total = 0;
    for (const SoakLedger& ledger : ledgers) total += (ledger.*figure)();
    return total;
}

}  // namespace

bool SoakReport::clean() const noexcept {
    const bool refused = std::any_of(changes.kinds.begin(), changes.kinds.end(),
                                     [](const auto& kind) { return kind.second.refused != 0; });
    return !refused && lost == 0 && doubled == 0 && damaged == 0 && reordered == 0;
}

// The sending half of a pair's thread.
class Soak::Sender {
public:
    Sender(Soak& soak, QueuePair& pair)
        : soak_(soak), pair_(pair), ledger_(soak.ledgers_[pair.index()]), random_(soak.options_.seed + pair.index()) {}

    // Returns how many packets left.
    std::size_t send() {
        look_after_losses();
        if (batch_.empty() && may_send()) fill();
        return pair_.send(batch_);
    }

private:
    [[nodiscard]] bool may_send() const {
        return soak_.sends_.load(std::memory_order_acquire) && soak_.link_up_.load(std::memory_order_relaxed) &&
               pair_.active() && !ledger_.full();
    }

    [[nodiscard]] std::size_t due() {
        const std::size_t most =
            std::min<std::size_t>(soak_.options_.burst, SoakLedger::window - ledger_.outstanding());
        if (soak_.options_.rate == 0) return most;
        const double share = static_cast<double>(soak_.options_.rate) / soak_.device_.queue_pairs();
        return pacer_.due(Clock::now(), share, most);
    }

    void fill() {
        std::uniform_int_distribution<std::size_t> length{smallest_soak_frame, soak_.options_.size};
        pacer_.sent(pair_.allocate(batch_, due(), length(random_)));
        for (Packet& packet : batch_) {
            const std::uint64_t number = ledger_.leave();
            soak_.frames_.build(packet.bytes(), {static_cast<std::uint16_t>(pair_.index()),
                                                 static_cast<std::uint16_t>(number % soak_flows), number});
        }
    }

    // What was on its way when the link went down is excused; what does not come for two seconds is lost.
    void look_after_losses() {
        const std::uint64_t back = ledger_.returned();
        const auto now = Clock::now();
        if (ledger_.outstanding() == 0 || back != last_back_ || !batch_.empty()) {
            last_back_ = back;
            quiet_since_ = now;
        }
        const unsigned link_downs = soak_.link_downs_.load(std::memory_order_relaxed);
        const bool link_fell = link_downs != link_downs_;
        if (link_fell && !soak_.link_up_.load(std::memory_order_relaxed)) return;
        if (now - quiet_since_ < (link_fell ? link_settles : patience)) return;
        link_downs_ = link_downs;
        ledger_.give_up(link_fell);
    }

    Soak& soak_;
    QueuePair& pair_;
    SoakLedger& ledger_;
    std::minstd_rand random_;
    Pacer pacer_{Clock::now()};
    Batch batch_;  // on their way for the ledger, and not yet taken by the device
    std::uint64_t last_back_ = 0;
    Clock::time_point quiet_since_ = Clock::now();
    unsigned link_downs_ = 0;
};

Soak::Soak(Device& device, const PerfOptions& options, const Endpoint& me)
    : device_(device),
      options_(options),
      frames_(std::random_device{}(), device.max_queue_pairs(), me, {options.to_mac, options.to_address, 0}),
      ledgers_(device.max_queue_pairs()),
      receivers_(device.max_queue_pairs()),
      changes_(device, options.seed) {
    for (Receiver& receiver : receivers_) receiver.latest.resize(ledgers_.size() * soak_flows);
    changer_ = std::thread{[this] { make_changes(); }};
}

Soak::~Soak() {
    changes_end_ = true;
    if (changer_.joinable()) changer_.join();
}

void Soak::serve(QueuePair& pair, Shared& shared) {
    Receiver& receiver = receivers_[pair.index()];
    Sender sender{*this, pair};
    if (pair.index() == 0) resolve(pair, shared);
    Batch received;
    Idle idle;
    auto edit = [&](Packet& packet) { return take(packet, receiver, shared); };
    while (!shared.stop) {
        const std::size_t sent = sender.send();
        if (serve_round(pair, received, shared, edit) + sent != 0) {
            idle.busy();
        } else if (options_.rate != 0 ? pair.wait(1ms) == WakeReason::stopped : !idle.pause(pair)) {
            return;
        }
    }
}

void Soak::resolve(QueuePair& pair, Shared& shared) {
    if (options_.to_address == Ipv4Address{}) {
        sends_ = true;
        return;
    }
    Batch batch;
    auto edit = [&](Packet& packet) { return take(packet, receivers_[0], shared); };
    while (!shared.stop && !shared.ping.peer()) {
        build_packets(pair, batch, 1, arp_frame_size,
                      [&](Bytes frame) { build_arp_request(frame, shared.me, options_.to_address); });
        send_all(pair, batch, shared);
        for (const auto end = Clock::now() + 1s; !shared.stop && !shared.ping.peer() && Clock::now() < end;)
            if (serve_round(pair, batch, shared, edit) == 0 && pair.wait(20ms) == WakeReason::stopped) return;
    }
    if (const auto mac = shared.ping.peer()) {
        frames_.address_to(*mac);
        sends_.store(true, std::memory_order_release);
    }
}

bool Soak::take(Packet& packet, Receiver& receiver, Shared& shared) {
    const Bytes head = packet.bytes();
    if (const auto mac = read_arp_reply(head, options_.to_address)) shared.ping.resolved(*mac);
    verify(packet, receiver);
    const bool arp = head.size() >= arp_frame_size && load16(head, ethernet::type) == ethernet::type_arp;
    return arp && answer(head, packet.total_length(), shared.me);
}

void Soak::verify(Packet& packet, Receiver& receiver) {
    thread_local std::vector<std::byte> whole;
    ConstBytes frame = packet.bytes();
    if (packet.segment_count() > 1) {
        whole.clear();
        for (std::size_t i = 0; i < packet.segment_count(); ++i) {
            const auto segment = packet.segment(i);
            whole.insert(whole.end(), segment.begin(), segment.end());
        }
        frame = whole;
    }
    const SoakFrames::Reading reading = frames_.read(frame);
    if (reading.finding == SoakFrames::Finding::damaged) receiver.damaged.fetch_add(1, std::memory_order_relaxed);
    if (reading.finding != SoakFrames::Finding::whole) return;
    const SoakLabel& label = reading.label;
    std::uint64_t& latest = receiver.latest[std::size_t{label.sender} * soak_flows + label.flow];
    if (label.number < latest) receiver.reordered.fetch_add(1, std::memory_order_relaxed);
    latest = std::max(latest, label.number + 1);
    ledgers_[label.sender].came_back(label.number);
}

void Soak::make_changes() {
    constexpr Clock::duration tick = 20ms;  // how often the link is looked at
    try {
        const auto between = options_.changes == 0 ? Clock::duration::max()
                                                   : Clock::duration{1s} / static_cast<Clock::rep>(options_.changes);
        auto last = Clock::now();
        while (!changes_end_) {
            watch_link();
            if (Clock::now() - last >= between) {
                last = Clock::now();
                changes_.make_one();
            }
            std::this_thread::sleep_for(std::min(tick, between));
        }
    } catch (...) {
        failure_ = std::current_exception();
    }
}

void Soak::watch_link() {
    const bool up = device_.info().link_up;
    if (!up && link_up_) {
        ++link_downs_;
        changes_.link_went_down();
    }
    link_up_ = up;
}

void Soak::finish() {
    changes_end_ = true;
    if (changer_.joinable()) changer_.join();
    sends_ = false;
    const auto end = Clock::now() + 2 * patience;
    while (sum(ledgers_, &SoakLedger::outstanding) != 0 && Clock::now() < end) std::this_thread::sleep_for(5ms);
    if (failure_) std::rethrow_exception(failure_);
}

SoakReport Soak::report() const {
    SoakReport report;
    report.sent = sum(ledgers_, &SoakLedger::sent);
    report.verified = sum(ledgers_, &SoakLedger::returned);
    report.late = sum(ledgers_, &SoakLedger::late);
    report.lost = sum(ledgers_, &SoakLedger::given_up) + sum(ledgers_, &SoakLedger::outstanding) - report.late;
    report.excused = sum(ledgers_, &SoakLedger::excused);
    report.doubled = sum(ledgers_, &SoakLedger::doubled);
    for (const Receiver& receiver : receivers_) {
        report.damaged += receiver.damaged;
        report.reordered += receiver.reordered;
    }
    report.seed = options_.seed;
    report.changes = changes_.report();
    return report;
}

}  // namespace vmq::mqperf
