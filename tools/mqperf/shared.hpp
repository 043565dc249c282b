// What the threads of all pairs share.
#pragma once

#include <atomic>
#include <memory>

#include <vmq/device.hpp>

#include "tools/mqperf/options.hpp"
#include "tools/mqperf/packets.hpp"
#include "tools/mqperf/ping.hpp"
#include "tools/mqperf/soak.hpp"

namespace vmq::mqperf {

struct Shared {
    Device& device;
    const PerfOptions& options;
    Endpoint me;
    std::atomic<bool> stop{false};
    Ping ping{};
    std::unique_ptr<Soak> soak{};  // of that job
};

}  // namespace vmq::mqperf
