// The registers of a legacy (0.9.5) virtio PCI device, and the order in which they are used. VIRTIO 1.3, 4.1.4.10,
// 4.1.5.1.3.1 and 2.5.4.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "driver/support/mmio.hpp"
#include "driver/virtio/features.hpp"
#include "driver/virtio/queue_config.hpp"
#include "driver/virtio/register_steps.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::virtio {

namespace legacy_config {
using support::Access;
using support::Reg;
inline constexpr Reg<std::uint32_t, Access::ro> device_features{0x00};
inline constexpr Reg<std::uint32_t, Access::rw> driver_features{0x04};
inline constexpr Reg<std::uint32_t, Access::rw> queue_address{0x08};
inline constexpr Reg<std::uint16_t, Access::ro> queue_size{0x0c};
inline constexpr Reg<std::uint16_t, Access::rw> queue_select{0x0e};
inline constexpr Reg<std::uint16_t, Access::rw> queue_notify{0x10};
inline constexpr Reg<std::uint8_t, Access::rw> device_status{0x12};
// These two are there while MSI-X is enabled, and what is behind moves.
inline constexpr Reg<std::uint16_t, Access::rw> config_msix_vector{0x14};
inline constexpr Reg<std::uint16_t, Access::rw> queue_msix_vector{0x16};
inline constexpr std::size_t device_config = 0x14;
inline constexpr std::size_t device_config_with_msix = 0x18;
}  // namespace legacy_config

// Window is support::FileWindow, or a test's model of a device. One thread at a time.
template <typename Window>
class LegacyRegisters {
public:
    // `name` is for messages.
    LegacyRegisters(Window window, std::string name) : window_(std::move(window)), name_(std::move(name)) {}

    // Whether MSI-X is enabled now; it is not at first.
    void set_msix(bool enabled) noexcept { msix_ = enabled; }

    // Throws Errc::device_removed when all bits are set, which no device status has.
    [[nodiscard]] std::uint8_t status() const {
        const std::uint8_t value = window_.read(legacy_config::device_status);
        check_status(value, name_);
        return value;
    }
    void set_status(std::uint8_t value) const { window_.write(legacy_config::device_status, value); }
    void reset(std::chrono::milliseconds deadline) const { reset_and_wait(*this, deadline, name_); }

    [[nodiscard]] FeatureSet device_features() const {
        const std::uint32_t bits = window_.read(legacy_config::device_features);
        (void)status();  // features of all ones are those of a device that is gone
        return FeatureSet{bits};
    }
    void set_driver_features(FeatureSet features) const {
        window_.write(legacy_config::driver_features, static_cast<std::uint32_t>(features.bits()));
    }

    // No register tells: it is how many have a size, from the first on.
    [[nodiscard]] std::uint16_t queue_count() const {
        std::uint16_t count = 0;
        while (count < most_queues && queue_size(QueueIndex{count}) != 0) ++count;
        return count;
    }
    // The size that the queue has; 0: there is no such queue.
    [[nodiscard]] std::uint16_t queue_size(QueueIndex queue) const;

    [[nodiscard]] bool set_config_vector(VectorIndex vector) const {
        return set_vector(legacy_config::config_msix_vector, vector, "configuration changes of " + name_);
    }
    [[nodiscard]] bool enable_queue(QueueIndex queue, const QueueConfig& config) const;

    [[nodiscard]] std::size_t config_size() const noexcept { return window_.size() - config_start(); }
    void read_config(std::size_t offset, std::span<std::byte> bytes) const;

private:
    static constexpr std::uint16_t most_queues = 0xffff;
    static constexpr unsigned page_bits = 12;

    [[nodiscard]] std::string of(QueueIndex queue) const {
        return "virtqueue " + std::to_string(queue.value) + " of " + name_;
    }
    [[nodiscard]] std::size_t config_start() const noexcept {
        return msix_ ? legacy_config::device_config_with_msix : legacy_config::device_config;
    }
    // Without MSI-X there is no register for it.
    template <typename Register>
    [[nodiscard]] bool set_vector(Register reg, VectorIndex vector, const std::string& what) const {
        return msix_ ? write_vector(window_, reg, vector, what) : vector.is_none();
    }

    Window window_;
    std::string name_;
    bool msix_ = false;
};

template <typename Window>
std::uint16_t LegacyRegisters<Window>::queue_size(QueueIndex queue) const {
    window_.write(legacy_config::queue_select, queue.value);
    const std::uint16_t size = window_.read(legacy_config::queue_size);
    if (size == 0 || std::has_single_bit(size)) return size;
    (void)status();
    support::fail(Errc::bad_device, "reading the size of " + of(queue),
                  std::to_string(size) + " is no power of two (2.7)");
}

template <typename Window>
bool LegacyRegisters<Window>::enable_queue(QueueIndex queue, const QueueConfig& config) const {
    const std::uint16_t size = queue_size(queue);  // selects the queue
    if (size == 0 || config.size != size)
        support::fail(Errc::out_of_range,
                      "enabling " + of(queue) + " with " + std::to_string(config.size) + " descriptors",
                      "a legacy device's virtqueue has the size that it says, " + std::to_string(size));
    // 4.1.5.1.3.1: where the rings lie follows from the page at which the descriptors begin.
    const std::uint64_t page = config.descriptor_area.value >> page_bits;
    if (page == 0 || page >> 32 != 0 || page << page_bits != config.descriptor_area.value)
        support::fail(Errc::out_of_range, "enabling " + of(queue),
                      "a legacy device takes memory below 16 TiB, aligned to a page, and not the first one");
    if (window_.read(legacy_config::queue_address) != 0)
        support::fail(Errc::bad_device, "enabling " + of(queue), "it is enabled already; reset the device");

    // The address is what enables it.
    const bool has_vector = set_vector(legacy_config::queue_msix_vector, config.vector, of(queue));
    window_.write(legacy_config::queue_address, static_cast<std::uint32_t>(page));
    return has_vector;
}

// 2.5.4: there is no generation, so a field is right when two reads agree.
template <typename Window>
void LegacyRegisters<Window>::read_config(std::size_t offset, std::span<std::byte> bytes) const {
    check_config_range(offset, bytes.size(), config_size(), name_);
    std::vector<std::byte> before(bytes.size());
    read_fields(window_, config_start() + offset, before);
    for (int i = 1; i < config_tries; ++i) {
        read_fields(window_, config_start() + offset, bytes);
        if (std::memcmp(before.data(), bytes.data(), bytes.size()) == 0) {
            (void)status();  // all ones are those of a device that is gone
            return;
        }
        std::memcpy(before.data(), bytes.data(), bytes.size());
    }
    fail_unstable_config(name_);
}

}  // namespace vmq::virtio
