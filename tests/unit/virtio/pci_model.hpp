// A model of a modern virtio PCI device's registers, and the window through which the driver's code sees it.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "driver/support/endian.hpp"
#include "driver/support/mmio.hpp"

namespace vmq::virtio {

// A device with four virtqueues behind a common configuration structure, and 24 bytes of device configuration.
struct PciModel {
    struct Queue {
        std::uint16_t size = 256;
        std::uint16_t vector = 0xffff;
        std::uint16_t enable = 0;
        int reset_reads = -1;  // of queue_reset, until it is done; negative: there is none under way
        std::uint16_t notify_off = 0;
        std::uint16_t notif_config_data = 0;
        std::map<std::uint32_t, std::uint64_t> addresses;
    };
    struct Write {
        std::uint32_t offset;
        std::uint64_t value;
        auto operator<=>(const Write&) const = default;
    };

    std::uint64_t features = 0x1234'5678'9abc'def0;
    std::uint64_t driver_features = 0;
    std::uint32_t device_select = 7;
    std::uint32_t driver_select = 7;
    std::uint16_t queue_select = 0xffff;
    std::uint16_t config_vector = 0xffff;
    std::uint16_t vectors = 4;  // vectors from this on are answered with NO_VECTOR
    int wrong_vector = -1;      // answered instead, when not -1
    std::uint8_t status = 0x0f;
    int reset_reads = 0;  // status reads until a reset is done
    bool resetting = false;
    int queue_reset_reads = 0;  // reads of queue_reset until a queue's reset is done
    bool gone = false;
    std::uint8_t generation = 0;
    int config_changes = 0;  // left to come, one after each read of the device configuration
    std::array<Queue, 4> queues;
    std::array<std::byte, 24> config{};
    std::vector<Write> writes;
    std::vector<std::size_t> config_widths;

    std::uint64_t read(std::uint32_t offset) {
        if (gone) return ~std::uint64_t{0};
        const bool known = queue_select < queues.size();
        switch (offset) {
            case 0x04:
                return device_select < 2 ? features >> (32 * device_select) & 0xffff'ffff : 0;
            case 0x10:
                return config_vector;
            case 0x12:
                return queues.size();
            case 0x14:
                if (resetting && --reset_reads < 0) status = 0;
                return status;
            case 0x15:
                return generation;
            case 0x18:
                return known ? queues[queue_select].size : 0;
            case 0x1a:
                return queues.at(queue_select).vector;
            case 0x1c:
                return queues.at(queue_select).enable;
            case 0x1e:
                return queues.at(queue_select).notify_off;
            case 0x3a:
                return finish_queue_reset(queues.at(queue_select));
            case 0x38:
                return queues.at(queue_select).notif_config_data;
            default:
                ADD_FAILURE() << "read at " << offset;
                return 0;
        }
    }
    void write(std::uint32_t offset, std::uint64_t value) {
        writes.push_back({offset, value});
        switch (offset) {
            case 0x00:
                device_select = static_cast<std::uint32_t>(value);
                break;
            case 0x08:
                driver_select = static_cast<std::uint32_t>(value);
                break;
            case 0x0c:
                driver_features |= value << (32 * driver_select);
                break;
            case 0x10:
                config_vector = answer(value);
                break;
            case 0x14:
                set_status(static_cast<std::uint8_t>(value));
                break;
            case 0x16:
                queue_select = static_cast<std::uint16_t>(value);
                break;
            case 0x18:
                queues.at(queue_select).size = static_cast<std::uint16_t>(value);
                break;
            case 0x1a:
                queues.at(queue_select).vector = answer(value);
                break;
            case 0x1c:
                queues.at(queue_select).enable = static_cast<std::uint16_t>(value);
                break;
            case 0x20:
            case 0x28:
            case 0x30:
                queues.at(queue_select).addresses[offset] = value;
                break;
            case 0x3a:
                queues.at(queue_select).reset_reads = queue_reset_reads;
                break;
            default:
                ADD_FAILURE() << "write at " << offset;
        }
    }
    static std::uint64_t finish_queue_reset(Queue& queue) {
        if (queue.reset_reads < 0) return 0;
        if (--queue.reset_reads >= 0) return 1;
        const std::uint16_t notify_off = std::exchange(queue, {}).notify_off;
        queue.notify_off = notify_off;
        return 0;
    }
    [[nodiscard]] std::uint16_t answer(std::uint64_t vector) const {
        if (wrong_vector >= 0) return static_cast<std::uint16_t>(wrong_vector);
        return vector < vectors ? static_cast<std::uint16_t>(vector) : std::uint16_t{0xffff};
    }
    void set_status(std::uint8_t value) {
        if (value == 0)
            resetting = true;
        else
            status = value;
    }
};

// What PciRegisters needs of a window, onto the model.
class PciModelWindow {
public:
    PciModelWindow(PciModel& model, std::size_t size) : model_(&model), size_(size) {}
    [[nodiscard]] std::size_t size() const { return size_; }

    template <typename T, support::Access access>
    [[nodiscard]] T read(support::Reg<T, access> reg) const {
        static_assert(access != support::Access::wo);
        return static_cast<T>(model_->read(reg.offset));
    }
    template <typename T, support::Access access>
    void write(support::Reg<T, access> reg, T value) const {
        static_assert(access != support::Access::ro);
        model_->write(reg.offset, value);
    }
    template <typename T>
    [[nodiscard]] T load(std::size_t offset) const {
        T value{};
        EXPECT_EQ(offset % sizeof(T), 0U);
        std::memcpy(&value, &model_->config.at(offset), sizeof value);
        model_->config_widths.push_back(sizeof(T));
        if (model_->config_changes > 0) {
            --model_->config_changes;
            ++model_->generation;
            model_->config[0] = static_cast<std::byte>(model_->generation);
        }
        return support::swap_if_big_endian(value);
    }

private:
    PciModel* model_;
    std::size_t size_;
};

}  // namespace vmq::virtio
