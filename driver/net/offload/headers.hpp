// Where a TCP or UDP packet's headers lie, and the words in them that cutting it into segments changes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace vmq::net::offload {

// 4 where a VLAN tag lies behind the addresses, else 0.
[[nodiscard]] std::size_t tag_bytes(std::span<const std::byte> front) noexcept;

// A private copy of a packet's first bytes: those of a received packet lie where the device may change them at any
// time.
class Headers {
public:
    static constexpr std::size_t most = 256;  // bytes of all headers

    // `front`: the packet's first segment; `length`: bytes of the whole packet. Nothing unless it is an Ethernet frame,
    // with up to two VLAN tags, of an unfragmented IPv4 or IPv6 packet with TCP or UDP in it; all headers in `front`,
    // and the lengths that they tell are those of the packet.
    [[nodiscard]] static std::optional<Headers> find(std::span<const std::byte> front, std::size_t length) noexcept;

    [[nodiscard]] bool ipv6() const noexcept { return ipv6_; }
    [[nodiscard]] bool udp() const noexcept { return udp_; }
    [[nodiscard]] std::size_t transport() const noexcept { return transport_; }  // where TCP's or UDP's begins
    [[nodiscard]] std::size_t size() const noexcept { return size_; }            // of all; the payload follows
    [[nodiscard]] std::size_t checksum_offset() const noexcept { return udp_ ? 6 : 16; }
    [[nodiscard]] std::size_t payload() const noexcept { return length_ - size_; }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return std::span{bytes_}.first(size_); }
    // CWR: the sender has reduced its window, told once. RFC 3168, 6.1.2.
    [[nodiscard]] bool has_cwr() const noexcept { return !udp_ && (word(transport_ + 12) & cwr) != 0; }

    // Of the pseudo header, as it belongs into the checksum field before the checksum is computed.
    [[nodiscard]] std::uint16_t pseudo_sum() const noexcept;
    void set_checksum(std::uint16_t checksum) noexcept { set_word(transport_ + checksum_offset(), checksum); }

    // The headers of the segment whose payload is the `count` bytes from `from` on, out of this packet's; its checksum
    // field holds the pseudo header's sum.
    [[nodiscard]] Headers segment(std::size_t from, std::size_t count, std::size_t index) const noexcept;

private:
    static constexpr std::uint16_t cwr = 0x80;
    static constexpr std::uint16_t only_last = 0x09;  // PSH and FIN

    [[nodiscard]] bool find_network() noexcept;
    [[nodiscard]] bool find_ipv4_transport() noexcept;
    [[nodiscard]] bool find_ipv6_transport() noexcept;
    [[nodiscard]] bool find_payload() noexcept;
    [[nodiscard]] bool holds(std::size_t offset, std::size_t count) const noexcept { return offset + count <= copied_; }
    [[nodiscard]] std::uint8_t byte(std::size_t offset) const noexcept {
        return std::to_integer<std::uint8_t>(bytes_[offset]);
    }
    [[nodiscard]] std::uint16_t word(std::size_t offset) const noexcept {
        return static_cast<std::uint16_t>(byte(offset) << 8 | byte(offset + 1));
    }
    void set_word(std::size_t offset, std::size_t value) noexcept {
        bytes_[offset] = static_cast<std::byte>(value >> 8);
        bytes_[offset + 1] = static_cast<std::byte>(value);
    }
    void set_ip_length() noexcept;
    void number_ipv4(std::size_t index) noexcept;
    void set_transport(std::size_t from, std::size_t index, bool is_last) noexcept;

    std::array<std::byte, most> bytes_;
    std::size_t copied_ = 0;
    std::size_t length_ = 0;  // of the packet
    std::size_t network_ = 0;
    std::size_t transport_ = 0;
    std::size_t size_ = 0;
    bool ipv6_ = false;
    bool udp_ = false;
};

}  // namespace vmq::net::offload
