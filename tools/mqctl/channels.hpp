// How many queue pairs: the text of `ethtool -l`, and what `mqctl combined` accepts.
#pragma once

#include <string>
#include <string_view>

#include <vmq/info.hpp>

#include "tools/common/json.hpp"

namespace vmq::mqctl {

[[nodiscard]] std::string channels_text(const Info& info);
[[nodiscard]] tools::Json channels_json(const Info& info);

// Throws tools::UsageError naming a word that is no number.
[[nodiscard]] unsigned parse_pair_count(std::string_view word);
// Why `requested` pairs cannot be had of a device that takes 1 to `most`; empty when they can.
[[nodiscard]] std::string pair_count_refusal(unsigned requested, unsigned most);

}  // namespace vmq::mqctl
