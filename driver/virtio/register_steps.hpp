// What the registers of modern and legacy virtio PCI devices have in common. VIRTIO 1.3, 4.1.3 and 4.1.5.1.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <thread>

#include <vmq/error.hpp>

#include "driver/support/endian.hpp"
#include "driver/support/errors.hpp"
#include "driver/virtio/types.hpp"

namespace vmq::virtio {

// Reads of the device configuration until it is given up as never holding still.
inline constexpr int config_tries = 100;

// Throws Errc::device_removed when all bits are set, which no device status has.
inline void check_status(std::uint8_t status, const std::string& name) {
    if (status == 0xff)
        support::fail(Errc::device_removed, "reading the device status of " + name,
                      "all its registers read as ones; it was unplugged or has failed");
}

// 4.1.4.3.2: the device may take its time, and nothing may be written before its status reads 0.
template <typename Registers>
void reset_and_wait(const Registers& registers, std::chrono::milliseconds deadline, const std::string& name) {
    const auto give_up = std::chrono::steady_clock::now() + deadline;
    registers.set_status(0);
    while (registers.status() != 0) {
        if (std::chrono::steady_clock::now() >= give_up)
            support::fail(Errc::device_timeout, "resetting " + name,
                          "its status did not become 0 within " + std::to_string(deadline.count()) + " ms");
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
}

// 4.1.5.1.2.2: success is seen by reading back; false: the device answered NO_VECTOR to a vector.
template <typename Window, typename Register>
[[nodiscard]] bool write_vector(const Window& window, Register reg, VectorIndex vector, const std::string& what) {
    window.write(reg, vector.value);
    const VectorIndex accepted{window.read(reg)};
    if (accepted != vector && !accepted.is_none())
        support::fail(Errc::bad_device, "setting the MSI-X vector for " + what,
                      "wrote " + std::to_string(vector.value) + ", read back " + std::to_string(accepted.value));
    return accepted == vector;
}

inline void check_config_range(std::size_t offset, std::size_t count, std::size_t size, const std::string& name) {
    if (offset > size || count > size - offset)
        support::fail(Errc::bad_device, "reading the configuration of " + name,
                      "it has " + std::to_string(size) + " bytes, too few for " + std::to_string(count) + " at " +
                          std::to_string(offset));
}

[[noreturn]] inline void fail_unstable_config(const std::string& name) {
    support::fail(Errc::bad_device, "reading the configuration of " + name,
                  "it changed at each of " + std::to_string(config_tries) + " tries");
}

template <typename T, typename Window>
void read_field(const Window& window, std::size_t offset, std::span<std::byte> bytes) {
    for (std::size_t i = 0; i < bytes.size(); i += sizeof(T)) {
        const support::LittleEndian<T> value{window.template load<T>(offset + i)};
        std::memcpy(bytes.data() + i, &value.raw(), sizeof(T));
    }
}

// 4.1.3.1: a field is read with its own width, so a span of 2, 4 or 8 aligned bytes is taken for a field.
template <typename Window>
void read_fields(const Window& window, std::size_t offset, std::span<std::byte> bytes) {
    if (bytes.size() == 2 && offset % 2 == 0) return read_field<std::uint16_t>(window, offset, bytes);
    if ((bytes.size() == 4 || bytes.size() == 8) && offset % 4 == 0)
        return read_field<std::uint32_t>(window, offset, bytes);
    read_field<std::uint8_t>(window, offset, bytes);
}

}  // namespace vmq::virtio
