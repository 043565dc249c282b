// Tests of what split and packed rings have in common: each runs on both, in every format, and from starts that lie
// before a ring's end, a lap's end and the end of 16 bits.
#pragma once

#include <cstdint>

#include <gtest/gtest.h>

#include "tests/unit/virtio/packed_ring_device.hpp"
#include "tests/unit/virtio/ring_device.hpp"

namespace vmq::virtio {

inline constexpr std::uint16_t ring_size = 16;

struct RingNames {
    template <typename Ring>
    static std::string GetName(int) {
        return std::is_same_v<Ring, PackedRing> ? "Packed" : "Split";
    }
};
using BothRings = testing::Types<SplitRing, PackedRing>;

template <typename Ring>
class RingTest : public testing::Test {
protected:
    using Pair = RingPair<Ring>;

    static constexpr RingFormat format(bool in_order, bool event_idx) {
        return {.packed = std::is_same_v<Ring, PackedRing>, .in_order = in_order, .event_idx = event_idx};
    }

    // Calls body(pair) for a new ring and device of every kind.
    template <typename Body>
    static void in_any_order(Body body) {
        everywhere(false, body);
    }
    template <typename Body>
    static void in_order(Body body) {
        everywhere(true, body);
    }
    template <typename Body>
    static void in_every_format(Body body) {
        everywhere(false, body);
        everywhere(true, body);
    }

private:
    template <typename Body>
    static void everywhere(bool keeps_order, Body body) {
        for (const unsigned start : {0U, 13U, 16U, 31U, 0x7ffeU, 0xfff0U, 0xffffU}) {
            for (const unsigned variant : {0U, 1U, 2U, 3U}) {
                const bool event_idx = (variant & 1) != 0;
                const bool in_bursts = (variant & 2) != 0;
                SCOPED_TRACE(testing::Message()
                             << "start " << start << (event_idx ? ", EVENT_IDX" : "")
                             << (keeps_order ? ", IN_ORDER" : "") << (in_bursts ? ", in bursts" : ""));
                Pair pair{ring_size, format(keeps_order, event_idx), static_cast<std::uint16_t>(start)};
                pair.in_bursts = in_bursts;
                body(pair, event_idx);
                if (testing::Test::HasFatalFailure()) return;
            }
        }
    }
};

}  // namespace vmq::virtio
