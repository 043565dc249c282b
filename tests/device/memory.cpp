// Allocation and checked translation.
#include "tests/device/memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <system_error>

namespace vmq::software {

namespace {

constexpr std::size_t page = 4096;

std::string hex(std::uint64_t value) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    do {
        text.insert(text.begin(), digits[value % 16]);
        value /= 16;
    } while (value != 0);
    return "0x" + text;
}

}  // namespace

Memory::Memory(Violations& violations) : violations_(violations), blocks_(std::make_unique<Block[]>(max_blocks)) {}

virtio::DmaBlock Memory::allocate(std::size_t size, int /*numa_node*/) {
    if (size == 0 || count_.load(std::memory_order_relaxed) == max_blocks || allocations_left_ == 0)
        throw std::bad_alloc{};
    if (allocations_left_ > 0) --allocations_left_;

    const std::size_t rounded = (size + page - 1) / page * page;
    auto* data = static_cast<std::byte*>(std::aligned_alloc(page, rounded));
    if (data == nullptr) throw std::bad_alloc{};
    std::memset(data, 0, rounded);

    Block& block = add(data, rounded);
    std::shared_ptr<const void> owner{
        data, [this, &block](const void* released) {
            if (in_use_.load(std::memory_order_relaxed))
                violations_.add("memory at " + hex(block.iova) + " was given back while the device was running");
            block.released.store(true, std::memory_order_relaxed);
            live_.fetch_sub(1, std::memory_order_relaxed);
            std::free(const_cast<void*>(released));
        }};
    return {.data = data, .size = rounded, .iova = {block.iova}, .huge_pages = false, .owner = std::move(owner)};
}

virtio::DmaBlock Memory::map(std::span<std::byte> memory) {
    if (memory.empty() || reinterpret_cast<std::uintptr_t>(memory.data()) % page != 0 || memory.size() % page != 0)
        throw std::system_error(std::make_error_code(std::errc::invalid_argument), "not whole pages");
    if (count_.load(std::memory_order_relaxed) == max_blocks) throw std::bad_alloc{};
    Block& block = add(memory.data(), memory.size());
    std::shared_ptr<const void> owner{memory.data(), [this, &block](const void*) {
                                          block.released.store(true, std::memory_order_relaxed);
                                          live_.fetch_sub(1, std::memory_order_relaxed);
                                      }};
    return {.data = memory.data(), .size = memory.size(), .iova = {block.iova}, .huge_pages = false, .owner = owner};
}

Memory::Block& Memory::add(std::byte* data, std::size_t size) {
    const std::size_t index = count_.load(std::memory_order_relaxed);
    Block& block = blocks_[index];
    block.iova = next_iova_;
    block.data = data;
    block.size = size;
    next_iova_ += size + page;  // a hole, so that running over the end of a block is seen
    count_.store(index + 1, std::memory_order_release);
    live_.fetch_add(1, std::memory_order_relaxed);
    return block;
}

std::span<std::byte> Memory::at(virtio::Iova address, std::size_t length, std::string_view what) {
    const auto* first = blocks_.get();
    const auto* last = first + count_.load(std::memory_order_acquire);
    const auto* above = std::upper_bound(first, last, address.value,
                                         [](std::uint64_t value, const Block& block) { return value < block.iova; });
    const char* why = "is not the device's";
    if (above != first) {
        const Block& block = *(above - 1);
        const std::uint64_t offset = address.value - block.iova;
        if (offset < block.size && length <= block.size - offset) {
            if (!block.released.load(std::memory_order_relaxed)) return {block.data + offset, length};
            why = "was given back";
        }
    }
    violations_.add(std::string{what} + ": " + std::to_string(length) + " bytes at " + hex(address.value) + ", which " +
                    why);
    return {};
}

}  // namespace vmq::software
