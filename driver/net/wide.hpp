// Four packets at a time, for processors with 64-byte vectors (AVX-512). Each function does what the plain loop beside
// its call does, for as many whole groups of four as are plain from the first on, and returns how many packets that
// were; what is left is the plain loop's. Where there are no such vectors nothing is done and 0 returned.
#pragma once

#include <cstddef>
#include <cstdint>

#include <vmq/packet.hpp>

#include "driver/net/packet_pool.hpp"
#include "driver/virtio/ring.hpp"

namespace vmq::net::wide {

// Looked up once.
[[nodiscard]] bool available() noexcept;

inline constexpr std::size_t group = 4;

// Handles from refs: every packet has this shape.
std::size_t make(Packet* packets, const BufferRef* refs, std::size_t count, std::uint64_t shape) noexcept;

// Refs from handles, of packets whose form is `form`.
std::size_t give(BufferRef* refs, const Packet* packets, std::size_t count, std::uint32_t form) noexcept;

// Descriptors and slots from handles of shapes from `shortest` to `shortest + longest - 1`; clears their headers. Adds
// the shapes to `bytes`.
struct Staging {
    std::uint64_t shortest;
    std::uint64_t longest;
    std::uint64_t to_header;  // from a packet's address to that of its header as the device sees it
};
std::size_t stage(virtio::RawDescriptors at, BufferRef* slots, const Packet* packets, std::size_t count,
                  const Staging& staging, std::uint64_t& bytes) noexcept;

// Descriptors and slots from free buffers.
std::size_t post(virtio::RawDescriptors at, BufferRef* slots, const BufferRef* refs, std::size_t count,
                 std::uint64_t to_header) noexcept;

// Handles from used buffers and their slots. Adds the packets' lengths to `bytes`.
struct Taking {
    std::uint64_t whole;    // the shape of a packet of 0 bytes
    std::uint32_t longest;  // packet
    bool mergeable;         // look at num_buffers
};
std::size_t take(virtio::RawUsed used, const BufferRef* slots, Packet* packets, std::size_t count, const Taking& taking,
                 std::uint64_t& bytes) noexcept;

}  // namespace vmq::net::wide
