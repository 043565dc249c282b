// The driver's side of a virtqueue in the plainest form, for testing the device before and apart from the driver's
// rings: one buffer at a time, nothing checked, and every part within the test's reach.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "driver/virtio/features.hpp"
#include "driver/virtio/queue_config.hpp"
#include "driver/virtio/spec.hpp"
#include "driver/virtio/transport.hpp"

namespace vmq::software {

struct BareElement {
    virtio::Iova address;
    std::uint32_t length = 0;
    bool device_writes = false;
};

struct BareUsed {
    std::uint32_t id = 0;  // as the device wrote it
    std::uint32_t length = 0;
    std::uint16_t buffers = 1;  // more than one: a batch, the earlier ones used completely
};

class BareRing {
public:
    // Offsets of the driver's and the device's part in the ring's memory.
    static constexpr std::size_t driver_part = 0x8000;
    static constexpr std::size_t device_part = 0xc000;
    static constexpr std::size_t table_part = 0x10000;  // an indirect table of 32 descriptors per ring descriptor

    BareRing(virtio::Transport& transport, std::uint16_t ring_size, virtio::FeatureSet features)
        : size(ring_size),
          event_idx(features.has(virtio::Feature::event_idx)),
          in_order(features.has(virtio::Feature::in_order)),
          memory(transport.allocate(table_part + std::size_t{ring_size} * 512, -1)),
          free(ring_size) {}
    virtual ~BareRing() = default;

    [[nodiscard]] virtio::QueueConfig config(virtio::VectorIndex vector) const {
        return {.size = size,
                .descriptor_area = memory.iova,
                .driver_area = memory.iova + driver_part,
                .device_area = memory.iova + device_part,
                .vector = vector};
    }

    // Stages a buffer and returns its id. `indirect`: by a table.
    virtual std::uint16_t add(std::span<const BareElement> elements, bool indirect = false) = 0;
    // True: the device asked to be notified.
    virtual bool publish() = 0;
    virtual std::optional<BareUsed> take_used() = 0;
    // False: something is used already.
    virtual bool arm() = 0;
    virtual void disarm() = 0;

    std::uint16_t add_readable(virtio::Iova address, std::uint32_t length) {
        const BareElement element{address, length, false};
        return add({&element, 1});
    }
    std::uint16_t add_writable(virtio::Iova address, std::uint32_t length) {
        const BareElement element{address, length, true};
        return add({&element, 1});
    }

    std::uint16_t size;
    bool event_idx;
    bool in_order;
    virtio::DmaBlock memory;
    std::uint16_t free;  // descriptors

protected:
    template <typename T>
    [[nodiscard]] T* part(std::size_t offset) const {
        return reinterpret_cast<T*>(memory.data + offset);
    }
    [[nodiscard]] virtio::Iova table_address(std::uint16_t i) const {
        return memory.iova + table_part + std::size_t{i} * 512;
    }
    template <typename T>
    [[nodiscard]] T* table(std::uint16_t i) const {
        return part<T>(table_part + std::size_t{i} * 512);
    }
    static std::uint16_t write_flag(const BareElement& element) {
        return element.device_writes ? virtio::descriptor_flags::write : std::uint16_t{0};
    }
};

}  // namespace vmq::software
