// Which pair each flow belongs to where the device does not steer by a hash: the table of the software hand-off.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <vmq/rss.hpp>
#include <vmq/steering.hpp>

namespace vmq::net {

class FlowOwners {
public:
    static constexpr RssLimits limits{.hash_types = hash_types::ipv4 | hash_types::tcpv4 | hash_types::udpv4 |
                                                    hash_types::ipv6 | hash_types::tcpv6 | hash_types::udpv6,
                                      .key_size = 40,
                                      .table_length = 128};

    // The key stays.
    explicit FlowOwners(std::span<const std::uint8_t> key) : hash_(key) {}

    // Control thread: the table and the hash types of this configuration from now on. Packets that are being looked at
    // meanwhile go by either.
    void adopt(const RssConfig& config) noexcept;
    // Any thread. Nothing: the frame is of no flow.
    [[nodiscard]] std::optional<unsigned> owner_of(std::span<const std::byte> frame) const noexcept;

private:
    steering::Toeplitz hash_;
    std::atomic<std::uint32_t> types_{0};
    std::atomic<std::uint32_t> mask_{0};
    std::array<std::atomic<std::uint16_t>, limits.table_length> table_{};
};

}  // namespace vmq::net
