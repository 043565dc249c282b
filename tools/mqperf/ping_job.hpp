// mqperf ping, on every pair.
#pragma once

#include "tools/mqperf/shared.hpp"

namespace vmq::mqperf {

// Pair 0 asks; the others take what arrives on them. Returns on shared.stop, or when nothing will come any more.
void ping(QueuePair& pair, Shared& shared);

}  // namespace vmq::mqperf
