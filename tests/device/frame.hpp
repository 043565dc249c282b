// Test packets: an Ethernet header, a flow number, a sequence number, and bytes that follow from them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace vmq::software {

using Frame = std::vector<std::byte>;

struct FrameLabel {
    std::uint32_t flow = 0;
    std::uint64_t sequence = 0;
    bool operator==(const FrameLabel&) const = default;
};

inline constexpr std::size_t smallest_frame = 26;  // header and label

// `length` is at least smallest_frame.
[[nodiscard]] Frame make_frame(FrameLabel label, std::size_t length);
// Nothing when the bytes are not wholly those of a frame that make_frame made; the MAC addresses may have been swapped.
[[nodiscard]] std::optional<FrameLabel> check_frame(std::span<const std::byte> bytes);

// The same for both directions of a conversation. Frames without a label: from the MAC addresses.
[[nodiscard]] std::uint32_t flow_key(std::span<const std::byte> bytes);

}  // namespace vmq::software
