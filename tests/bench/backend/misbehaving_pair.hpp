// A pair that keeps the rules for a while, breaks one, and goes on as if nothing had been.
#pragma once

#include <memory>

#include "tests/bench/backend/misbehaviour.hpp"
#include "tests/bench/backend/pair.hpp"

namespace vmq::bench {

// `honest` does all that is right. `counters` are its counters, and must outlive the pair.
[[nodiscard]] std::unique_ptr<Pair> make_misbehaving_pair(std::unique_ptr<Pair> honest, const PairSettings& settings,
                                                          const Misbehaviour& misbehaviour, PairCounters& counters);

}  // namespace vmq::bench
