// A queue pair seen from the device: what its thread does with the two queues, and how they start and stop.
#pragma once

#include <cstdint>
#include <memory>

#include "tests/bench/backend/address_map.hpp"
#include "tests/bench/backend/counters.hpp"
#include "tests/bench/backend/options.hpp"
#include "tests/bench/backend/ring_memory.hpp"

namespace vmq::bench {

enum class Direction : unsigned { receive = 0, transmit = 1 };  // as the driver sees it; virtqueue 2n and 2n + 1

struct PairSettings {
    Mode mode = Mode::drop;
    unsigned size = 64;
    unsigned burst = 32;
    unsigned inject = 0;
    bool packed = false;
    bool in_order = false;
    bool event_idx = false;
    bool mergeable = false;
    std::uint32_t header_size = 12;
};

// All calls but poll() are made while no thread polls.
class Pair {
public:
    virtual ~Pair() = default;

    virtual void set_memory(const AddressMap& memory) = 0;
    virtual void start(Direction direction, const RingMemory& ring, std::uint32_t base) = 0;
    // Returns where the queue would go on; it must have been started, and its memory is still there.
    virtual std::uint32_t stop(Direction direction) = 0;
    virtual void set_enabled(Direction direction, bool enabled) = 0;
    virtual void set_call(Direction direction, int eventfd) = 0;  // -1: nobody is to be told

    // Whether poll() has anything to look at.
    [[nodiscard]] virtual bool runs() const noexcept = 0;
    // One burst in each direction that the mode has; false when there was nothing to do.
    virtual bool poll() = 0;
};

// Both must outlive the pair.
[[nodiscard]] std::unique_ptr<Pair> make_pair(const PairSettings& settings, PairCounters& counters);

}  // namespace vmq::bench
