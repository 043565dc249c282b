// A model of a legacy virtio PCI device's I/O ports, and the window through which the driver's code sees it.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "driver/support/endian.hpp"
#include "driver/support/mmio.hpp"

namespace vmq::virtio {

// A device with five virtqueues, and 12 bytes of device configuration behind the other registers, wherever those end.
struct LegacyModel {
    struct Queue {
        std::uint16_t size = 256;
        std::uint16_t vector = 0xffff;
        std::uint32_t address = 0;
    };
    struct Write {
        std::size_t offset;
        std::uint64_t value;
        auto operator<=>(const Write&) const = default;
    };

    std::uint32_t features = 0x3a5b'1c0f;
    std::uint32_t driver_features = 0;
    std::uint16_t queue_select = 0;
    std::uint16_t config_vector = 0xffff;
    std::uint16_t vectors = 4;  // vectors from this on are answered with NO_VECTOR
    std::uint8_t status = 0x07;
    bool msix = false;
    bool gone = false;
    int config_changes = 0;  // left to come, one after each read of the device configuration
    std::array<Queue, 5> queues;
    std::array<std::byte, 12> config{};
    std::vector<Write> writes;
    unsigned config_reads = 0;

    [[nodiscard]] std::size_t config_start() const { return msix ? 24 : 20; }

    template <typename T>
    T read(std::size_t offset) {
        if (gone) return static_cast<T>(~std::uint64_t{0});
        if (offset >= config_start()) return read_config<T>(offset - config_start());
        const bool known = queue_select < queues.size();
        switch (offset) {
            case 0x00:
                return static_cast<T>(features);
            case 0x08:
                return static_cast<T>(queues.at(queue_select).address);
            case 0x0c:
                return static_cast<T>(known ? queues[queue_select].size : 0);
            case 0x12:
                return static_cast<T>(status);
            case 0x14:
                return static_cast<T>(config_vector);
            case 0x16:
                return static_cast<T>(queues.at(queue_select).vector);
            default:
                ADD_FAILURE() << "read at " << offset;
                return 0;
        }
    }
    template <typename T>
    void write(std::size_t offset, T value) {
        writes.push_back({offset, value});
        const auto low = static_cast<std::uint16_t>(value);
        if (offset >= config_start()) return void(ADD_FAILURE() << "write at " << offset);
        switch (offset) {
            case 0x04:
                driver_features = static_cast<std::uint32_t>(value);
                break;
            case 0x08:
                queues.at(queue_select).address = static_cast<std::uint32_t>(value);
                break;
            case 0x0e:
                queue_select = low;
                break;
            case 0x12:
                status = static_cast<std::uint8_t>(value);
                break;
            case 0x14:
                config_vector = answer(low);
                break;
            case 0x16:
                queues.at(queue_select).vector = answer(low);
                break;
            default:
                ADD_FAILURE() << "write at " << offset;
        }
    }

private:
    [[nodiscard]] std::uint16_t answer(std::uint16_t vector) const { return vector < vectors ? vector : 0xffff; }

    template <typename T>
    T read_config(std::size_t offset) {
        T value{};
        std::memcpy(&value, &config.at(offset), sizeof value);
        ++config_reads;
        if (config_changes > 0) {
            --config_changes;
            config[0] = static_cast<std::byte>(static_cast<unsigned>(config[0]) + 1);
        }
        return support::swap_if_big_endian(value);
    }
};

// What LegacyRegisters needs of a window, onto the model.
class LegacyModelWindow {
public:
    LegacyModelWindow(LegacyModel& model, std::size_t size) : model_(&model), size_(size) {}
    [[nodiscard]] std::size_t size() const { return size_; }

    template <typename T, support::Access access>
    [[nodiscard]] T read(support::Reg<T, access> reg) const {
        static_assert(access != support::Access::wo);
        return model_->template read<T>(reg.offset);
    }
    template <typename T, support::Access access>
    void write(support::Reg<T, access> reg, T value) const {
        static_assert(access != support::Access::ro);
        model_->write(reg.offset, value);
    }
    template <typename T>
    [[nodiscard]] T load(std::size_t offset) const {
        return model_->template read<T>(offset);
    }

private:
    LegacyModel* model_;
    std::size_t size_;
};

}  // namespace vmq::virtio
