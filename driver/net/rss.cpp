// Receive-side scaling: settings checked, tables made, commands laid out.
#include "driver/net/rss.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>
#include <utility>

#include <vmq/error.hpp>
#include <vmq/steering.hpp>

#include "driver/support/endian.hpp"
#include "driver/support/errors.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::net {

using support::le16;
using support::le32;

namespace {

// 5.1.4.1: at least so many.
constexpr unsigned least_key_size = 40;
constexpr unsigned least_table_length = 128;
// More entries than this shift no load any finer that matters.
constexpr unsigned most_table_length = 512;

[[noreturn]] void refuse(const std::string& subject, const std::string& why) {
    support::fail(Errc::out_of_range, subject + why);
}

std::vector<std::uint8_t> random_key(unsigned size) {
    std::random_device random;
    std::vector<std::uint8_t> key(size);
    for (std::uint8_t& byte : key) byte = static_cast<std::uint8_t>(random());
    return key;
}

template <typename T>
void append(std::vector<std::byte>& out, const T& value) {
    out.resize(out.size() + sizeof value);
    std::memcpy(out.data() + out.size() - sizeof value, &value, sizeof value);
}

void append_key(std::vector<std::byte>& out, const std::vector<std::uint8_t>& key) {
    append(out, static_cast<std::uint8_t>(key.size()));
    for (const std::uint8_t byte : key) append(out, byte);
}

template <typename Value>
Value read(virtio::Transport& transport, std::size_t offset) {
    Value value;
    transport.read_config(offset, std::as_writable_bytes(std::span{&value, 1}));
    return value;
}

}  // namespace

Rss::Rss(const RssLimits& limits, bool has_table) : limits_(limits), has_table_(has_table) {
    settings_.hash_types = limits_.hash_types;
    settings_.key = random_key(std::min(limits_.key_size, 255u));
}

RssSettings Rss::complete(RssSettings settings, unsigned pairs, const std::string& subject) const {
    if (settings.hash_types == 0) settings.hash_types = limits_.hash_types;
    if (settings.key.empty()) settings.key = settings_.key;
    if ((settings.hash_types & ~limits_.hash_types) != 0) refuse(subject, "the device does not have these hash types");
    if (settings.key.size() > limits_.key_size) {
        refuse(subject, "a key of " + std::to_string(settings.key.size()) + " bytes, the device takes " +
                            std::to_string(limits_.key_size));
    }
    if (!settings.table.empty() && !settings.weights.empty()) refuse(subject, "either weights or a table, not both");
    if (!has_table_ && !(settings.table.empty() && settings.weights.empty()))
        support::fail(Errc::unsupported, subject + "the device does not offer RSS");
    if (settings.weights.size() > pairs) {
        refuse(subject, std::to_string(settings.weights.size()) + " weights, " + std::to_string(pairs) +
                            " queue pairs are in use");
    }
    if (!std::has_single_bit(settings.table.size()) && !settings.table.empty())
        refuse(subject, "a table of " + std::to_string(settings.table.size()) + " entries, a power of two is needed");
    if (settings.table.size() > std::min(limits_.table_length, most_table_length)) {
        refuse(subject, "a table of " + std::to_string(settings.table.size()) + " entries, at most " +
                            std::to_string(std::min(limits_.table_length, most_table_length)) + " are possible");
    }
    return settings;
}

RssConfig Rss::config(const RssSettings& settings, unsigned pairs, const std::string& subject) const {
    return {.hash_types = settings.hash_types, .key = settings.key, .table = table(settings, pairs, subject)};
}

std::vector<std::uint16_t> Rss::table(const RssSettings& settings, unsigned pairs, const std::string& subject) const {
    if (!has_table_) return {};
    if (!settings.table.empty()) {
        const std::uint16_t last = std::ranges::max(settings.table);
        if (last >= pairs) {
            refuse(subject, "the RSS table names queue pair " + std::to_string(last) + " (set another table first, " +
                                "for example: mqctl rss default)");
        }
        return settings.table;
    }
    const unsigned length = std::bit_floor(std::min(limits_.table_length, most_table_length));
    if (settings.weights.empty()) return steering::equal_table(length, pairs);
    std::vector<unsigned> weights = settings.weights;
    weights.resize(pairs);
    if (std::ranges::max(weights) == 0) {
        refuse(subject,
               "no queue pair that stays has an RSS weight (set others first, "
               "for example: mqctl rss default)");
    }
    return steering::weighted_table(length, weights);
}

std::vector<std::byte> encode_rss_config(const RssConfig& config, unsigned transmit_pairs) {
    std::vector<std::byte> data;
    append(data, le32{config.hash_types});
    append(data, le16{static_cast<std::uint16_t>(config.table.size() - 1)});
    append(data, le16{config.unclassified_pair});
    for (const std::uint16_t pair : config.table) append(data, le16{pair});
    append(data, le16{static_cast<std::uint16_t>(transmit_pairs)});
    append_key(data, config.key);
    return data;
}

std::vector<std::byte> encode_hash_config(const RssConfig& config) {
    std::vector<std::byte> data;
    append(data, le32{config.hash_types});
    for (int i = 0; i < 4; ++i) append(data, le16{});
    append_key(data, config.key);
    return data;
}

std::optional<RssLimits> read_rss_limits(virtio::Transport& transport, bool has_table) {
    namespace at = virtio::net_config;
    constexpr std::uint32_t known = (hash_types::udp_ex << 1) - 1;
    RssLimits limits{.hash_types = read<le32>(transport, at::supported_hash_types).value() & known,
                     .key_size = read<std::uint8_t>(transport, at::rss_max_key_size)};
    if (limits.key_size < least_key_size) return std::nullopt;
    if (!has_table) return limits;
    limits.table_length = read<le16>(transport, at::rss_max_indirection_table_length).value();
    if (limits.table_length < least_table_length) return std::nullopt;
    return limits;
}

}  // namespace vmq::net
