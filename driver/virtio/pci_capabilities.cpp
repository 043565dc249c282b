// The bounded walk over the capability list and the checks of each virtio capability. VIRTIO 1.3, 4.1.4.
#include "driver/virtio/pci_capabilities.hpp"

#include <bit>
#include <bitset>
#include <string>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::virtio {
namespace {

using pci::StructureType;

constexpr std::size_t status_register = 0x06;
constexpr std::uint16_t status_capability_list = 0x10;
constexpr std::size_t bar_registers = 0x10;
constexpr std::uint8_t bar_in_io_space = 0x01;
constexpr std::size_t first_capability = 0x34;
constexpr std::size_t header_size = 0x40;
constexpr std::size_t config_size = 256;
constexpr std::size_t capability_size = 16;
constexpr std::size_t notify_capability_size = 20;

// Reads little-endian fields; the bounds are checked before, by the walk.
class ConfigSpace {
public:
    explicit ConfigSpace(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
    [[nodiscard]] std::uint8_t u8(std::size_t at) const noexcept { return static_cast<std::uint8_t>(bytes_[at]); }
    [[nodiscard]] std::uint16_t u16(std::size_t at) const noexcept {
        return static_cast<std::uint16_t>(u8(at) | u8(at + 1) << 8);
    }
    [[nodiscard]] std::uint32_t u32(std::size_t at) const noexcept {
        return u16(at) | static_cast<std::uint32_t>(u16(at + 2)) << 16;
    }

private:
    std::span<const std::byte> bytes_;
};

struct Needs {
    const char* name;
    std::uint32_t alignment;
    std::uint32_t length;
};

// 4.1.4.3.1, 4.1.4.4.1, 4.1.4.5, 4.1.4.6.1. The common structure reaches to the end of queue_device.
constexpr Needs needs_of(StructureType type) noexcept {
    switch (type) {
        case StructureType::common:
            return {"common configuration", 4, 56};
        case StructureType::notify:
            return {"notification", 2, 2};
        case StructureType::isr:
            return {"ISR status", 1, 1};
        default:
            return {"device configuration", 4, 1};
    }
}

class Walk {
public:
    Walk(std::span<const std::byte> config, std::span<const std::uint64_t, 6> bar_sizes, std::string_view name)
        : config_(config), bar_sizes_(bar_sizes), name_(name) {}

    std::optional<PciStructures> run() {
        std::bitset<config_size> seen;
        if ((config_.u16(status_register) & status_capability_list) != 0) {
            for (std::size_t at = link(first_capability); at != 0; at = link(at + 1)) {
                if (at < header_size) bad("its capability list points into the header, at " + std::to_string(at));
                if (seen.test(at)) bad("its capability list has a loop, at " + std::to_string(at));
                seen.set(at);
                if (config_.u8(at) == pci::vendor_capability) look_at(at);
            }
        }
        if (!any_) return std::nullopt;
        return result();
    }

private:
    // The two low bits are reserved and to be ignored, so a capability's first four bytes are inside the space.
    [[nodiscard]] std::size_t link(std::size_t at) const noexcept { return config_.u8(at) & 0xfcU; }

    [[nodiscard]] bool in_io_space(unsigned bar) const noexcept {
        return (config_.u8(bar_registers + 4 * bar) & bar_in_io_space) != 0;
    }

    [[noreturn]] void bad(const std::string& what) const {
        support::fail(Errc::bad_device, "reading the virtio capabilities of " + std::string{name_}, what);
    }

    void look_at(std::size_t at) {
        const auto type = static_cast<StructureType>(config_.u8(at + 3));
        switch (type) {
            case StructureType::common:
                consider(type, at, common_);
                break;
            case StructureType::notify:
                consider(type, at, notify_);
                break;
            case StructureType::isr:
                consider(type, at, isr_);
                break;
            case StructureType::device:
                consider(type, at, device_);
                break;
            default:
                break;  // 4.1.4.1: reserved types are ignored, and the other known ones are not needed
        }
    }

    void consider(StructureType type, std::size_t at, std::optional<PciStructure>& found) {
        any_ = true;
        if (found) return;
        const std::string problem = problem_of(type, at);
        if (problem.empty()) {
            const std::uint8_t bar = config_.u8(at + 4);
            found = {bar, config_.u32(at + 8), config_.u32(at + 12), in_io_space(bar)};
            if (type == StructureType::notify) multiplier_ = config_.u32(at + 16);
        } else if (problem_.empty()) {
            problem_ = std::string{"its "} + needs_of(type).name + " structure " + problem;
        }
    }

    // Empty when the capability at `at` is one to use.
    [[nodiscard]] std::string problem_of(StructureType type, std::size_t at) const {
        const Needs needs = needs_of(type);
        const bool notify = type == StructureType::notify;
        const std::size_t wanted = notify ? notify_capability_size : capability_size;
        if (config_.u8(at + 2) < wanted || at + wanted > config_size) return "has a capability that is cut off";

        const unsigned bar = config_.u8(at + 4);
        const std::uint32_t offset = config_.u32(at + 8);
        const std::uint32_t length = config_.u32(at + 12);
        if (bar >= bar_sizes_.size()) return "is in a BAR of reserved number, " + std::to_string(bar);
        const std::string where = "BAR " + std::to_string(bar);
        if (bar_sizes_[bar] == 0) return "is in " + where + ", which the device does not have";
        if (!notify && in_io_space(bar)) return "is in " + where + ", which is in I/O space";
        if (std::uint64_t{offset} + length > bar_sizes_[bar]) return "reaches beyond the end of " + where;
        if (length < needs.length) return "is too short, " + std::to_string(length) + " bytes";
        if (offset % needs.alignment != 0) return "is misaligned, at " + std::to_string(offset) + " in " + where;
        if (notify && !usable_multiplier(config_.u32(at + 16)))
            return "has a multiplier that is no even power of two, " + std::to_string(config_.u32(at + 16));
        return {};
    }

    // 4.1.4.4.1: zero, or a power of two that is even.
    [[nodiscard]] static constexpr bool usable_multiplier(std::uint32_t multiplier) noexcept {
        return multiplier == 0 || (multiplier != 1 && std::has_single_bit(multiplier));
    }

    [[nodiscard]] PciStructures result() const {
        if (common_ && notify_) return {*common_, *notify_, multiplier_, isr_, device_};
        if (!problem_.empty()) bad(problem_);
        bad(std::string{"it has no "} + needs_of(common_ ? StructureType::notify : StructureType::common).name +
            " structure");
    }

    ConfigSpace config_;
    std::span<const std::uint64_t, 6> bar_sizes_;
    std::string_view name_;
    std::optional<PciStructure> common_, notify_, isr_, device_;
    std::uint32_t multiplier_ = 0;
    std::string problem_;  // of the first capability that could not be used
    bool any_ = false;
};

}  // namespace

std::optional<PciStructures> find_structures(std::span<const std::byte> config,
                                             std::span<const std::uint64_t, 6> bar_sizes, std::string_view name) {
    if (config.size() < config_size)
        support::fail(Errc::bad_device, "reading the virtio capabilities of " + std::string{name},
                      "its configuration space is too short");
    return Walk{config, bar_sizes, name}.run();
}

}  // namespace vmq::virtio
