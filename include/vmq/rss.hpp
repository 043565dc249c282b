// Receive-side scaling: which pair a packet arrives on, by a hash of its addresses and ports. VIRTIO 1.3, 5.1.6.5.7.
#pragma once

#include <cstdint>
#include <vector>

namespace vmq {

// What a device computes hashes for. 5.1.6.4.3.1
namespace hash_types {
inline constexpr std::uint32_t ipv4 = 1 << 0;
inline constexpr std::uint32_t tcpv4 = 1 << 1;
inline constexpr std::uint32_t udpv4 = 1 << 2;
inline constexpr std::uint32_t ipv6 = 1 << 3;
inline constexpr std::uint32_t tcpv6 = 1 << 4;
inline constexpr std::uint32_t udpv6 = 1 << 5;
inline constexpr std::uint32_t ip_ex = 1 << 6;  // IPv6 with the addresses of its extension headers
inline constexpr std::uint32_t tcp_ex = 1 << 7;
inline constexpr std::uint32_t udp_ex = 1 << 8;
}  // namespace hash_types

// What a device was told.
struct RssConfig {
    std::uint32_t hash_types = 0;
    std::vector<std::uint8_t> key{};
    // The pair of each value of the hash modulo the table's length, a power of two.
    std::vector<std::uint16_t> table{};
    std::uint16_t unclassified_pair = 0;  // where packets arrive that no hash is computed for
};

// What an application asks for.
struct RssSettings {
    std::uint32_t hash_types = 0;  // 0: all that the device supports
    // At most RssLimits::key_size bytes. Empty: as it is; from open on it is random, so that no stranger can choose
    // flows that all meet on one pair.
    std::vector<std::uint8_t> key{};
    // How many shares of the flows each pair gets, from pair 0 on; pairs without a weight get none. The table is made
    // anew whenever the number of pairs changes. Empty: equal shares for all pairs in use.
    std::vector<unsigned> weights{};
    // Not empty: exactly this table, a power of two long; while it stands no pair that it names can be taken away.
    std::vector<std::uint16_t> table{};
};

// What the device can do.
struct RssLimits {
    std::uint32_t hash_types = 0;
    unsigned key_size = 0;      // bytes of the longest key
    unsigned table_length = 0;  // 0: it reports hashes, and does not steer by them
};

struct RssInfo {
    RssLimits limits;
    RssSettings settings;
    RssConfig config;  // in force now
};

// How a packet was hashed. 5.1.6.4.3.4
enum class HashReport : std::uint16_t {
    none = 0,
    ipv4 = 1,
    tcpv4 = 2,
    udpv4 = 3,
    ipv6 = 4,
    tcpv6 = 5,
    udpv6 = 6,
    ipv6_ex = 7,
    tcpv6_ex = 8,
    udpv6_ex = 9,
};

struct PacketHash {
    std::uint32_t value = 0;
    HashReport report = HashReport::none;
};

}  // namespace vmq
