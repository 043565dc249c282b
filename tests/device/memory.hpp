// The memory that the software device may reach: blocks at bus addresses that differ from the driver's addresses.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "driver/virtio/transport.hpp"
#include "tests/device/violations.hpp"

namespace vmq::software {

// allocate() is called by one thread at a time; at() by any thread, without a lock, so that the device adds no ordering
// between the driver's threads that would hide a race from TSan. The blocks must be gone before the Memory.
class Memory {
public:
    explicit Memory(Violations& violations);
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    [[nodiscard]] virtio::DmaBlock allocate(std::size_t size, int numa_node);
    // The application's own; may be taken from the device at any time, which it must not use it after.
    [[nodiscard]] virtio::DmaBlock map(std::span<std::byte> memory);

    // What the device sees at `address`; an empty span and a violation that names `what` when that is not wholly inside
    // one block.
    [[nodiscard]] std::span<std::byte> at(virtio::Iova address, std::size_t length, std::string_view what);

    // While set, giving memory back is a violation: the device could still write to it.
    void set_in_use(bool in_use) noexcept { in_use_.store(in_use, std::memory_order_relaxed); }
    // Blocks that the driver still holds.
    [[nodiscard]] std::size_t live_blocks() const noexcept { return live_.load(std::memory_order_relaxed); }

    // Allocations that fail: after `count` more, every one throws std::bad_alloc; negative: none does.
    void fail_after(int count) noexcept { allocations_left_ = count; }

private:
    struct Block {
        std::uint64_t iova = 0;
        std::byte* data = nullptr;
        std::size_t size = 0;
        std::atomic<bool> released{false};
    };
    [[nodiscard]] Block& add(std::byte* data, std::size_t size);

    static constexpr std::size_t max_blocks = 4096;

    Violations& violations_;
    std::unique_ptr<Block[]> blocks_;  // by rising address; addresses are never used again
    std::atomic<std::size_t> count_{0};
    std::atomic<std::size_t> live_{0};
    std::atomic<bool> in_use_{false};
    std::uint64_t next_iova_ = 0x10'0000;  // low, as behind a 39-bit IOMMU
    int allocations_left_ = -1;
};

}  // namespace vmq::software
