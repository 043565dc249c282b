// The pieces of a key that the Toeplitz hash is the sum of. The hash itself is in <vmq/steering.hpp>.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vmq::affinity {

// The 32 bits of the key from `bit` on, counted from the first byte's highest; 0 behind the key's end. It is what bit
// number `bit` of the input, when set, adds (by exclusive or) to the hash.
[[nodiscard]] std::uint32_t key_window(std::span<const std::uint8_t> key, std::size_t bit) noexcept;

}  // namespace vmq::affinity
