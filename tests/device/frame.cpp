// Making and checking test packets.
#include "tests/device/frame.hpp"

#include <algorithm>
#include <cstring>

namespace vmq::software {

namespace {

constexpr std::size_t type_at = 12;
constexpr std::size_t flow_at = 14;
constexpr std::size_t sequence_at = 18;
constexpr std::byte type[2]{std::byte{0x88}, std::byte{0xb5}};  // "local experimental"

std::byte filler(FrameLabel label, std::size_t i) {
    return static_cast<std::byte>(label.sequence * 31 + label.flow * 7 + i);
}

bool is_labelled(std::span<const std::byte> bytes) {
    return bytes.size() >= smallest_frame && std::memcmp(bytes.data() + type_at, type, sizeof type) == 0;
}

FrameLabel label_of(std::span<const std::byte> bytes) {
    FrameLabel label;
    std::memcpy(&label.flow, bytes.data() + flow_at, sizeof label.flow);
    std::memcpy(&label.sequence, bytes.data() + sequence_at, sizeof label.sequence);
    return label;
}

}  // namespace

Frame make_frame(FrameLabel label, std::size_t length) {
    Frame frame(std::max(length, smallest_frame));
    for (std::size_t i = 0; i < type_at; ++i) frame[i] = static_cast<std::byte>(i < 6 ? 0x52 : 0x54);
    std::memcpy(frame.data() + type_at, type, sizeof type);
    std::memcpy(frame.data() + flow_at, &label.flow, sizeof label.flow);
    std::memcpy(frame.data() + sequence_at, &label.sequence, sizeof label.sequence);
    for (std::size_t i = smallest_frame; i < frame.size(); ++i) frame[i] = filler(label, i);
    return frame;
}

std::optional<FrameLabel> check_frame(std::span<const std::byte> bytes) {
    if (!is_labelled(bytes)) return std::nullopt;
    const FrameLabel label = label_of(bytes);
    for (std::size_t i = smallest_frame; i < bytes.size(); ++i)
        if (bytes[i] != filler(label, i)) return std::nullopt;
    return label;
}

std::uint32_t flow_key(std::span<const std::byte> bytes) {
    if (is_labelled(bytes)) return label_of(bytes).flow;
    std::uint32_t key = 0;
    for (std::size_t i = 0; i < std::min<std::size_t>(type_at, bytes.size()); ++i)
        key += std::to_integer<std::uint32_t>(bytes[i]) << (8 * (i % 3));
    return key;
}

}  // namespace vmq::software
