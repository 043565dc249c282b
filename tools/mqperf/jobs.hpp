// What the thread of a pair does until it is told to stop: one short loop for each job.
#pragma once

#include "tools/mqperf/shared.hpp"

namespace vmq::mqperf {

// Returns on shared.stop, or when nothing will come any more on this pair.
void run_job(QueuePair& pair, Shared& shared);

}  // namespace vmq::mqperf
