// The vhost-user protocol's numbers and layouts. Everything is in the machine's own byte order.
//
// The text is docs/interop/vhost-user.rst of QEMU; its names of requests, features and fields are kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace vmq::vhost {

enum class Request : std::uint32_t {
    get_features = 1,
    set_features = 2,
    set_owner = 3,
    set_mem_table = 5,
    set_vring_num = 8,
    set_vring_addr = 9,
    set_vring_base = 10,
    get_vring_base = 11,
    set_vring_kick = 12,
    set_vring_call = 13,
    get_protocol_features = 15,
    set_protocol_features = 16,
    get_queue_num = 17,
    set_vring_enable = 18,
    net_set_mtu = 20,
    get_config = 24,
    get_max_mem_slots = 36,
    add_mem_reg = 37,
    set_status = 39,
    get_status = 40,
};

// Among the device's features: the backend knows protocol features. Never shown to the driver.
inline constexpr std::uint64_t protocol_features_bit = std::uint64_t{1} << 30;

enum class ProtocolFeature : unsigned {
    mq = 0,
    reply_ack = 3,
    net_mtu = 4,
    config = 9,
    configure_mem_slots = 15,
    status = 16,
};

struct Header {
    std::uint32_t request;
    std::uint32_t flags;
    std::uint32_t size;  // of the payload behind it
};
static_assert(sizeof(Header) == 12);

namespace header_flags {
inline constexpr std::uint32_t version_mask = 3;
inline constexpr std::uint32_t version = 1;
inline constexpr std::uint32_t reply = 4;
inline constexpr std::uint32_t need_reply = 8;
}  // namespace header_flags

struct VringState {
    std::uint32_t index;
    std::uint32_t num;
};
static_assert(sizeof(VringState) == 8);

struct VringAddress {
    std::uint32_t index;
    std::uint32_t flags;
    std::uint64_t descriptor;
    std::uint64_t used;
    std::uint64_t available;
    std::uint64_t log;
};
static_assert(sizeof(VringAddress) == 40);

// The payload of set_vring_kick and set_vring_call: the vring's index in 8 bits, and a flag.
inline constexpr std::uint64_t no_descriptor = 1 << 8;
inline constexpr unsigned max_vrings = 256;

struct MemoryRegion {
    std::uint64_t guest_address;
    std::uint64_t size;
    std::uint64_t user_address;
    std::uint64_t mmap_offset;
};
static_assert(sizeof(MemoryRegion) == 32);

inline constexpr std::size_t max_regions = 8;

struct MemoryTable {
    std::uint32_t count;
    std::uint32_t padding;
    std::array<MemoryRegion, max_regions> regions;  // only `count` of them are sent
};
static_assert(sizeof(MemoryTable) == 8 + max_regions * sizeof(MemoryRegion));

struct SingleRegion {
    std::uint64_t padding;
    MemoryRegion region;
};
static_assert(sizeof(SingleRegion) == 40);

// In front of the bytes of the device's configuration space.
struct ConfigHeader {
    std::uint32_t offset;
    std::uint32_t size;
    std::uint32_t flags;
};
static_assert(sizeof(ConfigHeader) == 12);

}  // namespace vmq::vhost
