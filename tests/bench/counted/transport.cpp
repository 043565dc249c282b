// A device in the driver's own process and thread.
#include "tests/bench/counted/transport.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <sys/mman.h>

#include "driver/support/errors.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::bench {
namespace {

constexpr std::uint16_t ring_size = 256;
constexpr std::uint32_t packed_start = 0x8000;  // slot 0, wrap counter 1

std::byte* at(virtio::Iova address) { return reinterpret_cast<std::byte*>(address.value); }

}  // namespace

void InlineTransport::reset() {
    status_ = 0;
    device_.pair.reset();
}

void InlineTransport::set_driver_features(virtio::FeatureSet features) {
    PairSettings settings = device_.settings;
    settings.packed = features.has(virtio::Feature::ring_packed);
    settings.in_order = features.has(virtio::Feature::in_order);
    settings.event_idx = features.has(virtio::Feature::event_idx);
    settings.mergeable = features.has(virtio::Feature::mrg_rxbuf);
    device_.settings = settings;
    device_.pair = make_pair(settings, device_.counters);
    device_.pair->set_memory(AddressMap{{{0, UINT64_MAX, nullptr}}});  // the driver's addresses are ours
}

std::uint16_t InlineTransport::max_queue_size(virtio::QueueIndex queue) {
    return queue.value < queue_count() ? ring_size : 0;
}

bool InlineTransport::enable_queue(virtio::QueueIndex queue, const virtio::QueueConfig& config) {
    if (queue.value > 1) return true;
    const RingMemory ring{at(config.descriptor_area), at(config.driver_area), at(config.device_area), config.size};
    const auto direction = static_cast<Direction>(queue.value);
    device_.pair->start(direction, ring, device_.settings.packed ? packed_start : 0);
    device_.pair->set_enabled(direction, true);
    return true;
}

virtio::Doorbell InlineTransport::doorbell(virtio::QueueIndex) { return virtio::Doorbell::at_eventfd(kicks_.fd()); }

void InlineTransport::read_config(std::size_t offset, std::span<std::byte> bytes) {
    std::array<std::byte, config_bytes> config{};  // only the number of pairs is ever asked for
    config[virtio::net_config::max_virtqueue_pairs] = static_cast<std::byte>(device_.pairs & 0xff);
    config[virtio::net_config::max_virtqueue_pairs + 1] = static_cast<std::byte>(device_.pairs >> 8);
    std::copy_n(config.begin() + static_cast<std::ptrdiff_t>(offset), bytes.size(), bytes.begin());
}

virtio::DmaBlock InlineTransport::allocate(std::size_t size, int) {
    void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) support::fail_errno("mmap");
    device_.memory += size;
    virtio::DmaBlock block;
    block.data = static_cast<std::byte*>(memory);
    block.size = size;
    block.iova = virtio::Iova{reinterpret_cast<std::uintptr_t>(memory)};
    block.owner = std::shared_ptr<const void>(memory, [size](void* mapped) { ::munmap(mapped, size); });
    return block;
}

virtio::DmaBlock InlineTransport::map_memory(std::span<std::byte> memory) {
    virtio::DmaBlock block;
    block.data = memory.data();
    block.size = memory.size();
    block.iova = virtio::Iova{reinterpret_cast<std::uintptr_t>(memory.data())};
    return block;
}

}  // namespace vmq::bench
