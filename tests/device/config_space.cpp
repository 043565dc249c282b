// Laying the values out as the specification does.
#include "tests/device/config_space.hpp"

#include <algorithm>
#include <cstring>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::software {

namespace {

void put16(std::span<std::byte> bytes, std::size_t offset, std::uint16_t value) {
    const virtio::le16 stored{value};
    std::memcpy(bytes.data() + offset, &stored, sizeof stored);
}

}  // namespace

void ConfigSpace::read(std::size_t offset, std::span<std::byte> bytes) const {
    const std::lock_guard lock{mutex_};
    if (values_.never_stable) support::fail(Errc::bad_device, "device configuration: the generation never settles");
    if (offset > values_.size || bytes.size() > values_.size - offset)
        support::fail(Errc::bad_device, "device configuration: shorter than " + std::to_string(offset + bytes.size()));

    std::array<std::byte, 256> space{};
    std::memcpy(space.data() + virtio::net_config::mac, values_.mac.data(), values_.mac.size());
    const auto status = static_cast<std::uint16_t>((values_.link_up ? virtio::net_status::link_up : 0) |
                                                   (values_.announce ? virtio::net_status::announce : 0));
    put16(space, virtio::net_config::status, status);
    put16(space, virtio::net_config::max_virtqueue_pairs, values_.max_queue_pairs);
    put16(space, virtio::net_config::mtu, values_.mtu);
    namespace at = virtio::net_config;
    space[at::rss_max_key_size] = std::byte{values_.rss_key_size};
    put16(space, at::rss_max_indirection_table_length, values_.rss_table_length);
    const virtio::le32 speed{values_.speed};
    std::memcpy(space.data() + at::speed, &speed, sizeof speed);
    space[at::duplex] = std::byte{values_.duplex};
    const virtio::le32 hash_types{values_.hash_types};
    std::memcpy(space.data() + at::supported_hash_types, &hash_types, sizeof hash_types);
    std::copy_n(space.begin() + static_cast<std::ptrdiff_t>(offset), bytes.size(), bytes.begin());
}

std::size_t ConfigSpace::size() const { return values().size; }

ConfigValues ConfigSpace::values() const {
    const std::lock_guard lock{mutex_};
    return values_;
}

}  // namespace vmq::software
