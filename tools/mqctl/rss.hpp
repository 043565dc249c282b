// `mqctl rss`: the text of `ethtool -x`, and the settings that the words of the command line mean.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <vmq/rss.hpp>

#include "tools/common/json.hpp"

namespace vmq::mqctl {

[[nodiscard]] std::string rss_text(const std::string& device, const RssInfo& rss, unsigned pairs);
[[nodiscard]] tools::Json rss_json(const std::string& device, const RssInfo& rss, unsigned pairs);

// What `words` ("equal 2", "weight 3 1", "default", "key 6d:5a:…") make of the settings in force. Throws
// tools::UsageError.
[[nodiscard]] RssSettings changed_settings(RssSettings settings, std::span<const std::string> words);
// How many of the words behind "rss" are the command's own; what is left is DEV. Throws tools::UsageError.
[[nodiscard]] std::size_t rss_words(std::span<const std::string> words);

// Hexadecimal, with or without colons.
[[nodiscard]] std::vector<std::uint8_t> parse_key(std::string_view word);

}  // namespace vmq::mqctl
