// The common configuration of a modern virtio PCI device: its registers, and the order in which they are used.
// VIRTIO 1.3, 4.1.4.3 and 4.1.5.1.
#pragma once

#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "driver/support/mmio.hpp"
#include "driver/virtio/features.hpp"
#include "driver/virtio/queue_config.hpp"
#include "driver/virtio/register_steps.hpp"
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
inline constexpr Reg<std::uint16_t, Access::ro> queue_notif_config_data{0x38};
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
        check_status(value, name_);
        return value;
    }
    void set_status(std::uint8_t value) const { common_.write(common_config::device_status, value); }

    void reset(std::chrono::milliseconds deadline) const { reset_and_wait(*this, deadline, name_); }

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
        return write_vector(common_, common_config::config_msix_vector, vector, "configuration changes of " + name_);
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

    // With NOTIF_CONFIG_DATA, without which the structure may end before it.
    [[nodiscard]] std::uint16_t notif_config_data(QueueIndex queue) const {
        if (common_.size() < common_config::queue_notif_config_data.offset + sizeof(std::uint16_t))
            support::fail(Errc::bad_device, "reading queue_notif_config_data of " + of(queue),
                          "its common configuration has " + std::to_string(common_.size()) + " bytes");
        common_.write(common_config::queue_select, queue.value);
        return common_.read(common_config::queue_notif_config_data);
    }

    [[nodiscard]] std::size_t config_size() const noexcept { return device_.size(); }
    void read_config(std::size_t offset, std::span<std::byte> bytes) const;

private:
    [[nodiscard]] std::string of(QueueIndex queue) const {
        return "virtqueue " + std::to_string(queue.value) + " of " + name_;
    }

    Window common_;
    Window device_;
    std::string name_;
};

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
    if (size <= max_queue_size) return size;
    (void)status();
    support::fail(Errc::bad_device, "reading the size of " + of(queue),
                  std::to_string(size) + " is more than 32,768 (2.7, 2.8.10.1)");
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
    const bool has_vector = write_vector(common_, common_config::queue_msix_vector, config.vector, of(queue));
    common_.write(common_config::queue_enable, std::uint16_t{1});
    return has_vector;
}

template <typename Window>
void PciRegisters<Window>::read_config(std::size_t offset, std::span<std::byte> bytes) const {
    check_config_range(offset, bytes.size(), device_.size(), name_);
    for (int i = 0; i < config_tries; ++i) {
        const std::uint8_t before = common_.read(common_config::config_generation);
        read_fields(device_, offset, bytes);
        if (common_.read(common_config::config_generation) != before) continue;
        (void)status();  // a device that is gone has a generation that never changes
        return;
    }
    fail_unstable_config(name_);
}

// Where a queue's notifications go, in bytes from the start of the notification structure. Throws Errc::bad_device when
// what is written there is not inside the structure (4.1.4.4.1).
struct NotifyPlace {
    std::uint32_t multiplier = 0;
    std::uint32_t length = 0;  // of the structure
    std::uint32_t width = 2;   // of a notification, in bytes
};
[[nodiscard]] std::uint32_t notify_offset(const NotifyPlace& place, std::uint16_t notify_off, QueueIndex queue,
                                          const std::string& name);

}  // namespace vmq::virtio
