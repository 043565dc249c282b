// `mqctl coalesce`: the text of `ethtool -c`, and the settings that the words of the command line mean.
#pragma once

#include <span>
#include <string>

#include <vmq/coalescing.hpp>

#include "tools/common/json.hpp"

namespace vmq::mqctl {

[[nodiscard]] std::string coalesce_text(const std::string& device, const Coalescing& all);
[[nodiscard]] tools::Json coalesce_json(const std::string& device, const CoalescingInfo& info);

// How many of the words behind "coalesce" are the command's own; what is left is DEV. Throws tools::UsageError.
[[nodiscard]] std::size_t coalesce_words(std::span<const std::string> words);
// What `words` ("rx-usecs 50 tx-frames 16") make of the settings in force. Throws tools::UsageError.
[[nodiscard]] Coalescing changed_coalescing(Coalescing all, std::span<const std::string> words);

}  // namespace vmq::mqctl
