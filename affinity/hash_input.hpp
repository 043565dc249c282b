// What of a flow is hashed, and under which name it is reported. VIRTIO 1.3, 5.1.6.4.3.2 to 5.1.6.4.3.4.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <vmq/steering.hpp>

namespace vmq::affinity {

struct HashInput {
    HashReport report = HashReport::none;  // none: nothing is hashed
    bool with_ports = false;               // the destination port is the last two bytes
    std::size_t size = 0;
    std::array<std::uint8_t, 36> storage{};

    [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept { return {storage.data(), size}; }
};

// `types` is RssConfig::hash_types.
[[nodiscard]] HashInput hash_input(std::uint32_t types, const steering::Flow& flow) noexcept;

}  // namespace vmq::affinity
