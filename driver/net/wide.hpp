// Four packets at a time, for processors with wide vectors. Each routine does what the plain loop beside its call does,
// for as many whole groups of four as are plain from the first on, and returns how many packets that were; what is left
// is the plain loop's.
#pragma once

#include <cstddef>
#include <cstdint>

#include <vmq/packet.hpp>

#include "driver/net/packet_pool.hpp"
#include "driver/virtio/ring.hpp"

namespace vmq::net::wide {

// The fewest packets that are worth a call.
inline constexpr std::size_t group = 4;

// Of packets that may be staged by the fast way.
struct Staging {
    std::uint64_t shortest;   // shape of the shortest
    std::uint64_t shapes;     // how many shapes there are from that on
    std::uint64_t to_header;  // from a packet's address to that of its header as the device sees it
};

// Of used buffers that may be taken by the fast way.
struct Taking {
    std::uint64_t whole;    // the shape of a packet of 0 bytes
    std::uint32_t longest;  // bytes of a packet
    bool mergeable;         // num_buffers has to be looked at
};

// What a routine did.
struct Moved {
    std::size_t packets;
    std::uint64_t bytes;
};

struct Routines {
    // Handles of this shape from refs.
    std::size_t (*make)(Packet* packets, const BufferRef* refs, std::size_t count, std::uint64_t shape) noexcept;
    // Refs from handles, of packets whose form is `form`.
    std::size_t (*give)(BufferRef* refs, const Packet* packets, std::size_t count, std::uint32_t form) noexcept;
    // Descriptors and slots from handles, with their headers cleared.
    Moved (*stage)(virtio::RawDescriptors at, BufferRef* slots, const Packet* packets, std::size_t count,
                   const Staging& staging) noexcept;
    // Descriptors and slots from free buffers.
    std::size_t (*post)(virtio::RawDescriptors at, BufferRef* slots, const BufferRef* refs, std::size_t count,
                        std::uint64_t to_header) noexcept;
    // Handles from used buffers and their slots.
    Moved (*take)(virtio::RawUsed used, const BufferRef* slots, Packet* packets, std::size_t count,
                  const Taking& taking) noexcept;
    // Nothing from used buffers: they came in step.
    std::size_t (*check)(virtio::RawUsed used, std::size_t count) noexcept;
};

// nullptr where the processor does not have the instructions.
[[nodiscard]] const Routines* with_avx512() noexcept;
[[nodiscard]] const Routines* with_avx2() noexcept;

// The widest; nullptr: the plain loops do everything. Any number of callers get the same.
[[nodiscard]] const Routines* routines() noexcept;
// Others for the pairs that are made from now on: so that tests reach those of lesser processors.
void choose(const Routines* routines) noexcept;

}  // namespace vmq::net::wide
