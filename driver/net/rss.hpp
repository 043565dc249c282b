// Receive-side scaling: what was asked for, and the table and commands that follow from it. VIRTIO 1.3, 5.1.6.5.7.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <vmq/rss.hpp>

#include "driver/virtio/features.hpp"
#include "driver/virtio/transport.hpp"

namespace vmq::net {

// Control thread only.
class Rss {
public:
    // With a random key, every hash type the device has, and equal shares. Without `has_table` the device reports
    // hashes and does not steer by them.
    Rss(const RssLimits& limits, bool has_table);

    [[nodiscard]] bool has_table() const noexcept { return has_table_; }
    [[nodiscard]] const RssLimits& limits() const noexcept { return limits_; }
    [[nodiscard]] const RssSettings& settings() const noexcept { return settings_; }
    void adopt(RssSettings settings) { settings_ = std::move(settings); }

    // The settings with what they leave open filled in. Throws Errc::out_of_range, beginning with `subject`, for what
    // the device cannot do with `pairs` pairs.
    [[nodiscard]] RssSettings complete(RssSettings settings, unsigned pairs, const std::string& subject) const;
    // What these settings come to with `pairs` pairs. Throws the same when a pair goes that the table names, or all
    // that have a weight.
    [[nodiscard]] RssConfig config(const RssSettings& settings, unsigned pairs, const std::string& subject) const;

private:
    [[nodiscard]] std::vector<std::uint16_t> table(const RssSettings& settings, unsigned pairs,
                                                   const std::string& subject) const;

    RssLimits limits_;
    bool has_table_;
    RssSettings settings_;
};

// The data of RSS_CONFIG, with `transmit_pairs` pairs that may send, and of HASH_CONFIG (5.1.6.5.6).
[[nodiscard]] std::vector<std::byte> encode_rss_config(const RssConfig& config, unsigned transmit_pairs);
[[nodiscard]] std::vector<std::byte> encode_hash_config(const RssConfig& config);

// Of a device that offers RSS or HASH_REPORT; with RSS it `has_table`, whose length is not there otherwise (5.1.4).
// Nothing: what it claims makes no sense (5.1.4.1).
[[nodiscard]] std::optional<RssLimits> read_rss_limits(virtio::Transport& transport, bool has_table);

}  // namespace vmq::net
