// The common configuration of a modern virtio PCI device: its registers, and the order in which they are used.
// VIRTIO 1.3, 4.1.4.3 and 4.1.5.1.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "driver/support/mmio.hpp"
#include "driver/virtio/features.hpp"
#include "driver/virtio/queue_config.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::virtio {

namespace common_config {
using support::Access;
using support::Reg;
inline constexpr Reg<std::uint32_t, Access::rw> device_feature_select{0x00};
inline constexpr Reg<std::uint32_t, Access::ro> device_feature{0x04};
inline constexpr Reg<std::uint32_t, Access::rw> driver_feature_select{0x08};
inline constexpr Reg<std::uint32_t, Access::rw> driver_feature{0x0c};
inline constexpr Reg<std::uint16_t, Access::rw> config_msix_vector{0x10};
inline constexpr Reg<std::uint16_t, Access::ro> num_queues{0x12};
inline constexpr Reg<std::uint8_t, Access::rw> device_status{0x14};
inline constexpr Reg<std::uint8_t, Access::ro> config_generation{0x15};
inline constexpr Reg<std::uint16_t, Access::rw> queue_select{0x16};
inline constexpr Reg<std::uint16_t, Access::rw> queue_size{0x18};
inline constexpr Reg<std::uint16_t, Access::rw> queue_msix_vector{0x1a};
inline constexpr Reg<std::uint16_t, Access::rw> queue_enable{0x1c};
inline constexpr Reg<std::uint16_t, Access::ro> queue_notify_off{0x1e};
inline constexpr Reg<std::uint64_t, Access::rw> queue_desc{0x20};
inline constexpr Reg<std::uint64_t, Access::rw> queue_driver{0x28};
inline constexpr Reg<std::uint64_t, Access::rw> queue_device{0x30};
inline constexpr Reg<std::uint16_t, Access::rw> queue_reset{0x3a};
}  // namespace common_config

// Window is support::MmioWindow, or a test's model of a device. One thread at a time.
template <typename Window>
class PciRegisters {
public:
    // `device` has size 0 when there is no device configuration. `name` is for messages.
    PciRegisters(Window common, Window device, std::string name)
        : common_(common), device_(device), name_(std::move(name)) {}

    // Throws Errc::device_removed when all bits are set, which no device status has.
    [[nodiscard]] std::uint8_t status() const {
        const std::uint8_t value = common_.read(common_config::device_status);
        if (value == 0xff)
            support::fail(Errc::device_removed, "reading the device status of " + name_,
                          "all its registers read as ones; it was unplugged or has failed");
        return value;
    }
    void set_status(std::uint8_t value) const { common_.write(common_config::device_status, value); }

    void reset(std::chrono::milliseconds deadline) const;

    [[nodiscard]] FeatureSet device_features() const {
        common_.write(common_config::device_feature_select, 0U);
        const std::uint64_t low = common_.read(common_config::device_feature);
        common_.write(common_config::device_feature_select, 1U);
        const std::uint64_t high = common_.read(common_config::device_feature);
        (void)status();  // features of all ones are those of a device that is gone
        return FeatureSet{high << 32 | low};
    }
    void set_driver_features(FeatureSet features) const {
        common_.write(common_config::driver_feature_select, 0U);
        common_.write(common_config::driver_feature, static_cast<std::uint32_t>(features.bits()));
        common_.write(common_config::driver_feature_select, 1U);
        common_.write(common_config::driver_feature, static_cast<std::uint32_t>(features.bits() >> 32));
    }

    [[nodiscard]] std::uint16_t queue_count() const {
        const std::uint16_t count = common_.read(common_config::num_queues);
        (void)status();
        return count;
    }
    // What the device allows, until a smaller size is set by enable_queue; 0: there is no such queue.
    [[nodiscard]] std::uint16_t queue_size(QueueIndex queue) const;

    [[nodiscard]] bool set_config_vector(VectorIndex vector) const {
        return set_vector(common_config::config_msix_vector, vector, "configuration changes");
    }
    [[nodiscard]] bool enable_queue(QueueIndex queue, const QueueConfig& config) const;
    // The register is there with newer devices only.
    [[nodiscard]] bool has_queue_reset() const noexcept {
        return common_.size() >= common_config::queue_reset.offset + sizeof(std::uint16_t);
    }
    void reset_queue(QueueIndex queue, std::chrono::milliseconds deadline) const;

    [[nodiscard]] std::uint16_t notify_off(QueueIndex queue) const {
        common_.write(common_config::queue_select, queue.value);
        return common_.read(common_config::queue_notify_off);
    }

    [[nodiscard]] std::size_t config_size() const noexcept { return device_.size(); }
    void read_config(std::size_t offset, std::span<std::byte> bytes) const;

private:
    static constexpr int config_tries = 100;

    [[nodiscard]] std::string of(QueueIndex queue) const {
        return "virtqueue " + std::to_string(queue.value) + " of " + name_;
    }

    // 4.1.5.1.2.2: success is seen by reading back.
    template <typename Register>
    [[nodiscard]] bool set_vector(Register reg, VectorIndex vector, const std::string& what) const {
        common_.write(reg, vector.value);
        const VectorIndex accepted{common_.read(reg)};
        if (accepted != vector && !accepted.is_none())
            support::fail(Errc::bad_device, "setting the MSI-X vector for " + what,
                          "wrote " + std::to_string(vector.value) + ", read back " + std::to_string(accepted.value));
        return accepted == vector;
    }

    // 4.1.3.1: a field is read with its own width, so a span of 2, 4 or 8 aligned bytes is taken for a field.
    void read_fields(std::size_t offset, std::span<std::byte> bytes) const {
        if (bytes.size() == 2 && offset % 2 == 0) return read_as<std::uint16_t>(offset, bytes);
        if ((bytes.size() == 4 || bytes.size() == 8) && offset % 4 == 0) return read_as<std::uint32_t>(offset, bytes);
        read_as<std::uint8_t>(offset, bytes);
    }
    template <typename T>
    void read_as(std::size_t offset, std::span<std::byte> bytes) const {
        for (std::size_t i = 0; i < bytes.size(); i += sizeof(T)) {
            const support::LittleEndian<T> value{device_.template load<T>(offset + i)};
            std::memcpy(bytes.data() + i, &value.raw(), sizeof(T));
        }
    }

    Window common_;
    Window device_;
    std::string name_;
};

template <typename Window>
void PciRegisters<Window>::reset(std::chrono::milliseconds deadline) const {
    const auto give_up = std::chrono::steady_clock::now() + deadline;
    set_status(0);
    // 4.1.4.3.2: the device may take its time, and nothing may be written before it reads 0.
    while (status() != 0) {
        if (std::chrono::steady_clock::now() >= give_up)
            support::fail(Errc::device_timeout, "resetting " + name_,
                          "its status did not become 0 within " + std::to_string(deadline.count()) + " ms");
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
}

template <typename Window>
void PciRegisters<Window>::reset_queue(QueueIndex queue, std::chrono::milliseconds deadline) const {
    const auto give_up = std::chrono::steady_clock::now() + deadline;
    common_.write(common_config::queue_select, queue.value);
    common_.write(common_config::queue_reset, std::uint16_t{1});
    // 4.1.4.3.2: it is done when queue_reset reads 0, and queue_enable with it.
    while (common_.read(common_config::queue_reset) != 0 || common_.read(common_config::queue_enable) != 0) {
        (void)status();
        if (std::chrono::steady_clock::now() >= give_up)
            support::fail(Errc::device_timeout, "resetting " + of(queue),
                          "queue_reset did not become 0 within " + std::to_string(deadline.count()) + " ms");
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
}

template <typename Window>
std::uint16_t PciRegisters<Window>::queue_size(QueueIndex queue) const {
    common_.write(common_config::queue_select, queue.value);
    const std::uint16_t size = common_.read(common_config::queue_size);
    if (size == 0 || std::has_single_bit(size)) return size;
    (void)status();
    support::fail(Errc::bad_device, "reading the size of " + of(queue),
                  std::to_string(size) + " is no power of two (4.1.4.3.1)");
}

template <typename Window>
bool PciRegisters<Window>::enable_queue(QueueIndex queue, const QueueConfig& config) const {
    const std::uint16_t largest = queue_size(queue);  // selects the queue
    if (config.size > largest || !std::has_single_bit(config.size))
        support::fail(Errc::out_of_range,
                      "enabling " + of(queue) + " with " + std::to_string(config.size) + " descriptors",
                      "a power of two up to " + std::to_string(largest));
    if (common_.read(common_config::queue_enable) != 0)
        support::fail(Errc::bad_device, "enabling " + of(queue), "it is enabled already; reset the device");

    // 4.1.4.3.2: everything else comes before queue_enable, which is never written 0.
    common_.write(common_config::queue_size, config.size);
    common_.write(common_config::queue_desc, config.descriptor_area.value);
    common_.write(common_config::queue_driver, config.driver_area.value);
    common_.write(common_config::queue_device, config.device_area.value);
    const bool has_vector = set_vector(common_config::queue_msix_vector, config.vector, of(queue));
    common_.write(common_config::queue_enable, std::uint16_t{1});
    return has_vector;
}

template <typename Window>
void PciRegisters<Window>::read_config(std::size_t offset, std::span<std::byte> bytes) const {
    if (offset > device_.size() || bytes.size() > device_.size() - offset)
        support::fail(Errc::bad_device, "reading the configuration of " + name_,
                      "it has " + std::to_string(device_.size()) + " bytes, too few for " +
                          std::to_string(bytes.size()) + " at " + std::to_string(offset));
    for (int i = 0; i < config_tries; ++i) {
        const std::uint8_t before = common_.read(common_config::config_generation);
        read_fields(offset, bytes);
        if (common_.read(common_config::config_generation) != before) continue;
        (void)status();  // a device that is gone has a generation that never changes
        return;
    }
    support::fail(Errc::bad_device, "reading the configuration of " + name_,
                  "it changed at each of " + std::to_string(config_tries) + " tries");
}

// Where a queue's notifications go, in bytes from the start of the notification structure. Throws Errc::bad_device when
// the two bytes written there are not inside the structure (4.1.4.4.1).
[[nodiscard]] std::uint32_t notify_offset(std::uint16_t notify_off, std::uint32_t multiplier, std::uint32_t length,
                                          QueueIndex queue, const std::string& name);

}  // namespace vmq::virtio
