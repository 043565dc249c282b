// The commands RSS_CONFIG and HASH_CONFIG taken apart.
#include "tests/device/rss.hpp"

#include <algorithm>
#include <cstring>

#include "driver/virtio/spec.hpp"

namespace vmq::software {

namespace {

class Reader {
public:
    explicit Reader(std::span<const std::byte> data) : data_(data) {}
    template <typename Value>
    [[nodiscard]] Value next() {
        Value value{};
        if (data_.size() < sizeof value) {
            whole_ = false;
            return value;
        }
        std::memcpy(static_cast<void*>(&value), data_.data(), sizeof value);
        data_ = data_.subspan(sizeof value);
        return value;
    }
    [[nodiscard]] std::uint16_t next16() { return next<virtio::le16>().value(); }
    // The key is the last of either command.
    [[nodiscard]] std::vector<std::uint8_t> key() {
        std::vector<std::uint8_t> key(next<std::uint8_t>());
        for (std::uint8_t& byte : key) byte = next<std::uint8_t>();
        return key;
    }
    [[nodiscard]] bool is_whole() const { return whole_ && data_.empty(); }

private:
    std::span<const std::byte> data_;
    bool whole_ = true;
};

}  // namespace

std::optional<RssCommand> parse_rss_config(std::span<const std::byte> data) {
    Reader reader{data};
    RssCommand command;
    command.config.hash_types = reader.next<virtio::le32>().value();
    const std::size_t length = reader.next16() + std::size_t{1};
    command.config.unclassified_pair = reader.next16();
    for (std::size_t i = 0; i < length; ++i) command.config.table.push_back(reader.next16());
    command.transmit_pairs = reader.next16();
    command.config.key = reader.key();
    if (!reader.is_whole()) return std::nullopt;
    return command;
}

std::optional<RssConfig> parse_hash_config(std::span<const std::byte> data) {
    Reader reader{data};
    RssConfig config;
    config.hash_types = reader.next<virtio::le32>().value();
    bool reserved = false;
    for (int i = 0; i < 4; ++i) reserved |= reader.next16() != 0;
    config.key = reader.key();
    if (!reader.is_whole() || reserved) return std::nullopt;
    return config;
}

}  // namespace vmq::software
