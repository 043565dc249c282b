// The packets of mqperf soak: every byte of their payload follows from its label, so that a changed one shows.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tools/mqperf/packets.hpp"

namespace vmq::mqperf {

struct SoakLabel {
    std::uint16_t sender = 0;  // the thread
    std::uint16_t flow = 0;    // of that sender
    std::uint64_t number = 0;  // of all that it has sent

    bool operator==(const SoakLabel&) const = default;
};

inline constexpr std::uint16_t soak_flows = 16;  // of a sender, each with a UDP port of its own
inline constexpr std::size_t smallest_soak_frame = smallest_ip_frame + 24;

// UDP datagrams of one run. Without checksum, as RFC 768 allows: what arrives is compared byte by byte.
class SoakFrames {
public:
    // `run` tells this run's packets from those of others.
    SoakFrames(std::uint32_t run, unsigned senders, const Endpoint& from, const Endpoint& to);
    // Before the first one is built: whom they are for.
    void address_to(const MacAddress& mac) noexcept;

    // `frame` has at least smallest_soak_frame bytes.
    void build(Bytes frame, const SoakLabel& label) const noexcept;

    enum class Finding { foreign, damaged, whole };
    struct Reading {
        Finding finding = Finding::foreign;
        SoakLabel label;  // of a whole one
    };
    // A whole frame, also one whose addresses and ports were exchanged.
    [[nodiscard]] Reading read(ConstBytes frame) const noexcept;

private:
    using Header = std::array<std::byte, smallest_ip_frame>;

    std::uint32_t run_;
    unsigned senders_;
    std::vector<Header> headers_;  // by sender and flow
};

}  // namespace vmq::mqperf
