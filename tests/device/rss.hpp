// The command RSS_CONFIG taken apart. VIRTIO 1.3, 5.1.6.5.7.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include <vmq/rss.hpp>

namespace vmq::software {

struct RssCommand {
    RssConfig config;
    unsigned transmit_pairs = 0;
};

// Nothing: its length is not what it says.
[[nodiscard]] std::optional<RssCommand> parse_rss_config(std::span<const std::byte> data);
// HASH_CONFIG (5.1.6.5.6): only hash types and key.
[[nodiscard]] std::optional<RssConfig> parse_hash_config(std::span<const std::byte> data);

}  // namespace vmq::software
