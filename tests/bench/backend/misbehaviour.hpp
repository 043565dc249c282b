// What a backend can do against the rules on purpose, by name.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace vmq::bench {

enum class Misdeed {
    id_outside,           // a used id that the ring does not have
    id_twice,             // a buffer is used twice in a row
    length_beyond,        // more bytes written than the buffer has
    length_short,         // fewer than a header
    index_jump,           // the used index is further than what the driver made available; split rings
    many_buffers,         // num_buffers 65,535
    no_buffers,           // num_buffers 0
    checksum_beyond,      // a checksum to be completed far behind the packet's end
    transmit_id_outside,  // the first two, of the transmitq
    transmit_id_twice,
};

struct Misbehaviour {
    Misdeed kind;
    std::uint64_t after;  // packets in the misdeed's direction, before the first and between any two
    std::uint64_t most;   // misdeeds; after the last one the pair delivers nothing any more
};

// Throws std::out_of_range for a name that is none.
[[nodiscard]] Misdeed parse_misdeed(std::string_view name);
[[nodiscard]] std::vector<std::string_view> misdeed_names();

}  // namespace vmq::bench
