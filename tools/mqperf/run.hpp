// One run of mqperf: opens the device, starts the threads, waits for the end, sums up.
#pragma once

#include <string>

#include "tools/mqperf/options.hpp"
#include "tools/mqperf/report.hpp"

namespace vmq::mqperf {

// Throws tools::Failure; a device that goes away or breaks is one, too, after its summary has been printed.
void run(const std::string& address, const PerfOptions& options);

}  // namespace vmq::mqperf
