// mqperf soak: packets that are known to the last byte, sent by every pair to somebody who sends them back, while the
// number of pairs, RSS and coalescing change at random.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

#include <vmq/device.hpp>

#include "tools/mqperf/options.hpp"
#include "tools/mqperf/soak_changes.hpp"
#include "tools/mqperf/soak_frames.hpp"
#include "tools/mqperf/soak_ledger.hpp"

namespace vmq::mqperf {

struct Shared;

struct SoakReport {
    std::uint64_t sent = 0;
    std::uint64_t verified = 0;  // came back, every byte as it was
    std::uint64_t lost = 0;
    std::uint64_t late = 0;     // taken for lost, and came after all
    std::uint64_t excused = 0;  // on their way when the link went down
    std::uint64_t doubled = 0;
    std::uint64_t damaged = 0;
    std::uint64_t reordered = 0;  // came after a later one of the same flow on the same pair
    std::uint64_t seed = 0;
    SoakChangeReport changes;

    // Nothing was lost, doubled, damaged or out of order, and nothing refused.
    [[nodiscard]] bool clean() const noexcept;
};

// What the threads share. Each pair's thread calls serve; one other thread makes the changes.
class Soak {
public:
    Soak(Device& device, const PerfOptions& options, const Endpoint& me);
    ~Soak();
    Soak(const Soak&) = delete;
    Soak& operator=(const Soak&) = delete;

    // A pair's thread: sends and receives until `shared.stop`. The first pair's asks for the peer's MAC address first,
    // where it is not known.
    void serve(QueuePair& pair, Shared& shared);
    // Ends the changes, then the sending, and waits for what is still on its way; throws what ended the changes early.
    void finish();
    // After finish.
    [[nodiscard]] SoakReport report() const;

private:
    class Sender;
    // What one receiving thread has seen.
    struct Receiver {
        std::atomic<std::uint64_t> damaged{0};
        std::atomic<std::uint64_t> reordered{0};
        std::vector<std::uint64_t> latest;  // of each sender's flows: the number after the last one's
    };

    void resolve(QueuePair& pair, Shared& shared);
    // True when the packet has become an answer of ours to the other side.
    bool take(Packet& packet, Receiver& receiver, Shared& shared);
    void verify(Packet& packet, Receiver& receiver);
    void make_changes();
    void watch_link();

    Device& device_;
    const PerfOptions& options_;
    SoakFrames frames_;
    std::vector<SoakLedger> ledgers_;  // by pair
    std::vector<Receiver> receivers_;  // by pair
    SoakChanges changes_;
    std::exception_ptr failure_;  // of the changes
    std::atomic<bool> sends_{false};
    std::atomic<bool> changes_end_{false};
    std::atomic<bool> link_up_{true};
    std::atomic<unsigned> link_downs_{0};
    std::thread changer_;
};

}  // namespace vmq::mqperf
