// Answers to ARP, ICMP echo and UDP, made of the request's own bytes.
#pragma once

#include "tools/mqperf/packets.hpp"

namespace vmq::mqperf {

// Turns a request to `me` into its answer, in place; false, and nothing changed, for everything else (fragments too).
// `head` is the frame's first segment, `total` the bytes in all of them.
[[nodiscard]] bool answer(Bytes head, std::size_t total, const Endpoint& me) noexcept;

}  // namespace vmq::mqperf
