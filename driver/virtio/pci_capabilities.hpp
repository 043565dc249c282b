// Where a virtio PCI device keeps its structures, found in its PCI capability list. VIRTIO 1.3, 4.1.4.
//
// Pure: bytes in, locations out. The list is the device's, so nothing in it is believed: the walk is bounded, and a
// structure counts only when it lies aligned and whole inside a BAR; that BAR is in memory space, or for notifications
// also in I/O space.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace vmq::virtio {

struct PciStructure {
    std::uint8_t bar = 0;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    bool io_space = false;
    bool operator==(const PciStructure&) const = default;
};

struct PciStructures {
    PciStructure common;
    PciStructure notify;
    std::uint32_t notify_off_multiplier = 0;
    std::optional<PciStructure> isr;
    std::optional<PciStructure> device;
};

// `config` is the function's configuration space (256 bytes), `bar_sizes` 0 for a BAR that is not there; `name` is for
// messages. The first valid capability of each type counts (4.1.4.1). std::nullopt: there is none at all, it is a
// legacy device. Throws Errc::bad_device that says what is wrong when the list is broken or a structure that is needed
// has no valid capability.
[[nodiscard]] std::optional<PciStructures> find_structures(std::span<const std::byte> config,
                                                           std::span<const std::uint64_t, 6> bar_sizes,
                                                           std::string_view name);

}  // namespace vmq::virtio
