// The device configuration of a network device, with its generation. VIRTIO 1.3, 2.5 and 5.1.4.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>

#include <vmq/info.hpp>

namespace vmq::software {

struct ConfigValues {
    MacAddress mac{0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    std::uint16_t max_queue_pairs = 4;
    std::uint16_t mtu = 1500;
    bool link_up = true;
    bool announce = false;
    std::uint8_t rss_key_size = 40;
    std::uint16_t rss_table_length = 128;
    std::uint32_t hash_types = 0x3f;
    std::uint32_t speed = 10'000;
    std::uint8_t duplex = 1;
    std::size_t size = 24;      // bytes that there are
    bool never_stable = false;  // the generation differs at every look
};

// Any thread.
class ConfigSpace {
public:
    explicit ConfigSpace(const ConfigValues& values) : values_(values) {}

    // One consistent read as a transport makes it: throws Errc::bad_device when it goes beyond the space or is never
    // stable.
    void read(std::size_t offset, std::span<std::byte> bytes) const;
    [[nodiscard]] std::size_t size() const;

    template <typename Change>
    void change(Change change_values) {
        const std::lock_guard lock{mutex_};
        change_values(values_);
    }
    [[nodiscard]] ConfigValues values() const;

private:
    mutable std::mutex mutex_;
    ConfigValues values_;
};

}  // namespace vmq::software
