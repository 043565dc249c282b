// The specification's numbers and layouts that more than one file needs, under its own words. VIRTIO 1.3.
#pragma once

#include <cstddef>
#include <cstdint>

#include "driver/support/endian.hpp"

namespace vmq::virtio {

using support::le16;
using support::le32;
using support::le64;

// 2.1
namespace device_status {
inline constexpr std::uint8_t acknowledge = 1;
inline constexpr std::uint8_t driver = 2;
inline constexpr std::uint8_t driver_ok = 4;
inline constexpr std::uint8_t features_ok = 8;
inline constexpr std::uint8_t needs_reset = 64;
inline constexpr std::uint8_t failed = 128;
}  // namespace device_status

// 2.7: Queue Size is a power of two.
inline constexpr std::uint16_t max_queue_size = 32768;

// 2.7.5
namespace descriptor_flags {
inline constexpr std::uint16_t next = 1;
inline constexpr std::uint16_t write = 2;
inline constexpr std::uint16_t indirect = 4;
}  // namespace descriptor_flags

struct Descriptor {
    le64 addr;
    le32 len;
    le16 flags;
    le16 next;
};
static_assert(sizeof(Descriptor) == 16);

// 2.7.6 and 2.7.8: both rings start with these two fields.
struct RingHeader {
    le16 flags;
    le16 idx;
};
static_assert(sizeof(RingHeader) == 4);

namespace available_flags {
inline constexpr std::uint16_t no_interrupt = 1;
}
namespace used_flags {
inline constexpr std::uint16_t no_notify = 1;
}

struct UsedElement {
    le32 id;
    le32 len;
};
static_assert(sizeof(UsedElement) == 8);

// 2.8.13 and 2.8.14: a packed ring's descriptor, written by the driver when it is available and by the device when it
// is used, and the area in which either side tells when it wants to be told.
struct PackedDescriptor {
    le64 addr;
    le32 len;
    le16 id;
    le16 flags;
};
static_assert(sizeof(PackedDescriptor) == 16);

namespace packed_flags {  // beside descriptor_flags; compared with the wrap counters (2.8.1)
inline constexpr std::uint16_t avail = 1 << 7;
inline constexpr std::uint16_t used = 1 << 15;
}  // namespace packed_flags

struct EventSuppression {
    le16 desc;  // ring offset in bits 0 to 14, wrap counter in bit 15
    le16 flags;
};
static_assert(sizeof(EventSuppression) == 4);

namespace event_flags {
inline constexpr std::uint16_t enable = 0;
inline constexpr std::uint16_t disable = 1;
inline constexpr std::uint16_t desc = 2;  // only with EVENT_IDX
}  // namespace event_flags

// 4.1.2
namespace pci {
inline constexpr std::uint16_t vendor_id = 0x1af4;
inline constexpr std::uint16_t net_device_id = 0x1041;
inline constexpr std::uint16_t transitional_net_device_id = 0x1000;
inline constexpr std::uint8_t vendor_capability = 0x09;

// 4.1.4: cfg_type.
enum class StructureType : std::uint8_t {
    common = 1,
    notify = 2,
    isr = 3,
    device = 4,
    pci_access = 5,
    shared_memory = 8,
    vendor = 9,
};
}  // namespace pci

// 5.1.6: in front of every packet.
struct NetHeader {
    std::uint8_t flags = 0;
    std::uint8_t gso_type = 0;
    le16 hdr_len;
    le16 gso_size;
    le16 csum_start;
    le16 csum_offset;
    le16 num_buffers;
};
static_assert(sizeof(NetHeader) == 12);

// With HASH_REPORT.
struct NetHashHeader {
    NetHeader header;
    le32 hash_value;
    le16 hash_report;
    le16 padding_reserved;
};
static_assert(sizeof(NetHashHeader) == 20);

namespace net_header_flags {
inline constexpr std::uint8_t needs_csum = 1;
inline constexpr std::uint8_t data_valid = 2;
inline constexpr std::uint8_t rsc_info = 4;
}  // namespace net_header_flags

namespace gso_type {
inline constexpr std::uint8_t none = 0;
inline constexpr std::uint8_t tcpv4 = 1;
inline constexpr std::uint8_t udp = 3;
inline constexpr std::uint8_t tcpv6 = 4;
inline constexpr std::uint8_t udp_l4 = 5;
inline constexpr std::uint8_t ecn = 0x80;  // in addition to tcpv4 or tcpv6
}  // namespace gso_type

// 5.1.4: offsets in the device configuration; a field is only there with its feature.
namespace net_config {
inline constexpr std::size_t mac = 0;
inline constexpr std::size_t status = 6;
inline constexpr std::size_t max_virtqueue_pairs = 8;
inline constexpr std::size_t mtu = 10;
inline constexpr std::size_t speed = 12;
inline constexpr std::size_t duplex = 16;
inline constexpr std::size_t rss_max_key_size = 17;
inline constexpr std::size_t rss_max_indirection_table_length = 18;
inline constexpr std::size_t supported_hash_types = 20;
}  // namespace net_config

inline constexpr std::uint32_t largest_speed = 0x7fffffff;  // Mbit/s; what is more is unknown
namespace net_duplex {                                      // anything else is unknown
inline constexpr std::uint8_t half = 0;
inline constexpr std::uint8_t full = 1;
}  // namespace net_duplex

namespace net_status {
inline constexpr std::uint16_t link_up = 1;
inline constexpr std::uint16_t announce = 2;
}  // namespace net_status

// 5.1.6.5
enum class ControlClass : std::uint8_t {
    rx = 0,
    mac = 1,
    vlan = 2,
    announce = 3,
    mq = 4,
    guest_offloads = 5,
    notf_coal = 6,
    stats = 8,
};

struct ControlHeader {
    ControlClass control_class;
    std::uint8_t command;
};
static_assert(sizeof(ControlHeader) == 2);

enum class ControlAck : std::uint8_t { ok = 0, err = 1 };

// 5.1.6.5.1: the data is one byte, 1 for on.
namespace rx_command {
inline constexpr std::uint8_t promisc = 0;
inline constexpr std::uint8_t allmulti = 1;
inline constexpr std::uint8_t alluni = 2;
inline constexpr std::uint8_t nomulti = 3;
inline constexpr std::uint8_t nouni = 4;
inline constexpr std::uint8_t nobcast = 5;
}  // namespace rx_command

// 5.1.6.5.2: two tables, each a le32 count and that many addresses, unicast first; one address.
namespace mac_command {
inline constexpr std::uint8_t table_set = 0;
inline constexpr std::uint8_t addr_set = 1;
}  // namespace mac_command

// 5.1.6.5.3: the data is the le16 VLAN id.
namespace vlan_command {
inline constexpr std::uint8_t add = 0;
inline constexpr std::uint8_t del = 1;
}  // namespace vlan_command

// 5.1.6.5.4
namespace announce_command {
inline constexpr std::uint8_t ack = 0;
}

// 5.1.6.5.5
namespace mq_command {
inline constexpr std::uint8_t vq_pairs_set = 0;
inline constexpr std::uint8_t rss_config = 1;   // 5.1.6.5.7
inline constexpr std::uint8_t hash_config = 2;  // 5.1.6.5.6.4
}  // namespace mq_command
// 5.1.6.5.8: the data is the features' bits as le64.
namespace guest_offloads_command {
inline constexpr std::uint8_t set = 0;
}
inline constexpr std::uint16_t vq_pairs_min = 1;
inline constexpr std::uint16_t vq_pairs_max = 0x8000;

// 5.1.6.5.9
namespace coalescing_command {
inline constexpr std::uint8_t tx_set = 0;
inline constexpr std::uint8_t rx_set = 1;
inline constexpr std::uint8_t vq_set = 2;
}  // namespace coalescing_command

struct ControlCoalescing {
    le32 max_packets;
    le32 max_usecs;
};
static_assert(sizeof(ControlCoalescing) == 8);

struct ControlQueueCoalescing {
    le16 vq_index;
    le16 reserved;
    ControlCoalescing coalescing;
};
static_assert(sizeof(ControlQueueCoalescing) == 12);

// 5.1.6.5.10
namespace stats_command {
inline constexpr std::uint8_t query = 0;  // answered with a le64 that has bit n for statistics of type n
inline constexpr std::uint8_t get = 1;
}  // namespace stats_command

namespace stats_type {
inline constexpr std::uint8_t rx_basic = 0;
inline constexpr std::uint8_t rx_csum = 1;
inline constexpr std::uint8_t rx_gso = 2;
inline constexpr std::uint8_t rx_speed = 3;
inline constexpr std::uint8_t tx_basic = 16;
inline constexpr std::uint8_t tx_csum = 17;
inline constexpr std::uint8_t tx_gso = 18;
inline constexpr std::uint8_t tx_speed = 19;
inline constexpr std::uint8_t cvq = 32;
}  // namespace stats_type

struct ControlQueueStats {
    le16 vq_index;
    le16 reserved[3];
    le64 types_bitmap;
};
static_assert(sizeof(ControlQueueStats) == 16);

// In front of the counters of one type, le64 each; `size` is of both.
struct StatsReplyHeader {
    std::uint8_t type = 0;
    std::uint8_t reserved = 0;
    le16 vq_index;
    le16 reserved1;
    le16 size;
};
static_assert(sizeof(StatsReplyHeader) == 8);

}  // namespace vmq::virtio
