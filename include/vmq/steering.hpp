// Which pair a flow arrives on under receive-side scaling, and the local ports, keys and tables that make it the wanted
// one. Pure arithmetic on an RssConfig: no device is touched, and any thread may make any call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <vmq/export.hpp>
#include <vmq/rss.hpp>

namespace vmq::steering {

// An IPv4 or IPv6 address.
class VMQ_EXPORT Address {
public:
    constexpr Address() noexcept = default;  // 0.0.0.0

    // From its bytes in the order of the wire.
    [[nodiscard]] static constexpr Address v4(const std::array<std::uint8_t, 4>& bytes) noexcept {
        Address address;
        for (std::size_t i = 0; i < bytes.size(); ++i) address.bytes_[i] = bytes[i];
        return address;
    }
    [[nodiscard]] static constexpr Address v6(const std::array<std::uint8_t, 16>& bytes) noexcept {
        Address address;
        address.bytes_ = bytes;
        address.size_ = 16;
        return address;
    }
    // From text such as "192.0.2.1" or "2001:db8::1". Anything else throws std::invalid_argument.
    [[nodiscard]] static Address parse(std::string_view text);

    [[nodiscard]] constexpr bool is_v4() const noexcept { return size_ == 4; }
    // 4 or 16 bytes in the order of the wire.
    [[nodiscard]] constexpr std::span<const std::uint8_t> bytes() const noexcept { return {bytes_.data(), size_}; }

    friend constexpr bool operator==(const Address&, const Address&) = default;

private:
    std::array<std::uint8_t, 16> bytes_{};
    std::uint8_t size_ = 4;
};

enum class Protocol : std::uint8_t {
    other,  // no ports: neither TCP nor UDP, or a fragment
    tcp,
    udp,
};

// What a device hashes of a packet, as the packet arrives: the source is the remote peer. Both addresses are of one
// kind; ports are in the processor's byte order.
struct Flow {
    Address source{};
    Address destination{};
    Protocol protocol = Protocol::other;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    // From an IPv6 packet's extension headers: the peer's home address and the address in a routing header of type 2.
    // The hash types ip_ex, tcp_ex and udp_ex take them in the place of source and destination.
    std::optional<Address> home_address{};
    std::optional<Address> routing_address{};

    friend constexpr bool operator==(const Flow&, const Flow&) = default;
};

// The flow of a received Ethernet frame, with or without VLAN tags (802.1Q, also inside 802.1ad). Nothing for what is
// not IP or has no whole IP header; such a packet is not hashed. The frame may hold anything.
[[nodiscard]] VMQ_EXPORT std::optional<Flow> flow_of(std::span<const std::byte> frame) noexcept;

// The Toeplitz hash. A key of any length; bits behind its end are 0. 40 bytes serve the longest input of a flow.
[[nodiscard]] VMQ_EXPORT std::uint32_t toeplitz(std::span<const std::uint8_t> key,
                                                std::span<const std::uint8_t> input) noexcept;

// The same hash for many inputs and one key: from tables, 1 KiB for each byte of the key.
class VMQ_EXPORT Toeplitz {
public:
    explicit Toeplitz(std::span<const std::uint8_t> key);
    [[nodiscard]] std::uint32_t operator()(std::span<const std::uint8_t> input) const noexcept;

private:
    std::vector<std::array<std::uint32_t, 256>> rows_;  // what each value of input byte i adds
};

// The hash a device computes and reports for a flow; HashReport::none when no enabled type fits it. VIRTIO 1.3,
// 5.1.6.4.3.2 to 5.1.6.4.3.4. TCP's or UDP's type goes before that of the addresses alone and, for IPv6, the _EX type
// before the plain one, whether or not the packet has extension headers: QEMU's reading. It changes the value for no
// packet without them as long as a plain type is enabled with each _EX type.
[[nodiscard]] VMQ_EXPORT PacketHash hash_of(const RssConfig& config, const Flow& flow) noexcept;
// The same with tables made once from RssConfig::key; `types` is RssConfig::hash_types.
[[nodiscard]] VMQ_EXPORT PacketHash hash_of(const Toeplitz& tables, std::uint32_t types, const Flow& flow) noexcept;

// The pair a packet of this hash, or of this flow, arrives on. With an empty table, when the device does not steer by
// the hash, it says RssConfig::unclassified_pair.
[[nodiscard]] VMQ_EXPORT unsigned queue_for(const RssConfig& config, const PacketHash& hash) noexcept;
[[nodiscard]] VMQ_EXPORT unsigned queue_for(const RssConfig& config, const Flow& flow) noexcept;

// The ports to choose from, both ends included. By default those that IANA leaves to everyone.
struct PortRange {
    unsigned first = 49152;
    unsigned last = 65535;
};

// For a connection from here to a peer: the lowest local port of the range with which the peer's packets arrive on
// `pair`; nothing when there is none. `returning` is the flow of those packets, its destination_port is not looked at.
// When that port is taken, ask again with PortRange::first one higher. Solves the hash's equations for the port's bits;
// no port is tried.
[[nodiscard]] VMQ_EXPORT std::optional<std::uint16_t> source_port_for(const RssConfig& config, unsigned pair,
                                                                      const Flow& returning, PortRange range = {});

// Microsoft's example key, whose 40 bytes are repeated up to `size`.
[[nodiscard]] VMQ_EXPORT std::vector<std::uint8_t> default_key(std::size_t size);
// A key with which both directions of a flow have the same hash: 0x6d5a repeated. Takes 40 bytes or more. It spreads
// worse than a random key: flows whose addresses and ports differ by an exchange of 16-bit words share a hash.
[[nodiscard]] VMQ_EXPORT std::vector<std::uint8_t> symmetric_key(std::size_t size);

// Tables for RssConfig::table. The length must be a power of two of at most 65,536, and there are at most 32,768 pairs;
// otherwise they throw std::invalid_argument.
// Pairs 0 to pairs-1 in turn.
[[nodiscard]] VMQ_EXPORT std::vector<std::uint16_t> equal_table(std::size_t length, std::size_t pairs);
// Entries in proportion to weights[pair], rounded by largest remainder, each pair's entries side by side. A weight of 0
// gets none, every other at least one when the table is long enough. Weights that are all 0 throw.
[[nodiscard]] VMQ_EXPORT std::vector<std::uint16_t> weighted_table(std::size_t length,
                                                                   const std::vector<unsigned>& weights);

}  // namespace vmq::steering
