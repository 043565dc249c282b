// Memory that a driver shares with a hostile device in its own process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>

#include "driver/virtio/transport.hpp"

namespace vmq::fuzz {

// Page-aligned, zero-filled, with the sanitizer's guards around it; its I/O address is its address.
class Memory {
public:
    explicit Memory(std::size_t size) : size_(size), bytes_(allocate(size)) {}

    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {bytes_.get(), size_}; }
    [[nodiscard]] virtio::Iova iova() const noexcept {
        return virtio::Iova{reinterpret_cast<std::uintptr_t>(bytes_.get())};
    }
    // Good as long as one of the two lives.
    [[nodiscard]] virtio::DmaBlock block() const {
        virtio::DmaBlock block;
        block.data = bytes_.get();
        block.size = size_;
        block.iova = iova();
        block.owner = bytes_;
        return block;
    }

private:
    static constexpr std::align_val_t alignment{4096};

    static std::shared_ptr<std::byte> allocate(std::size_t size) {
        auto* const bytes = static_cast<std::byte*>(::operator new(size, alignment));
        std::memset(bytes, 0, size);
        return {bytes, [](std::byte* p) { ::operator delete(p, alignment); }};
    }

    std::size_t size_;
    std::shared_ptr<std::byte> bytes_;
};

}  // namespace vmq::fuzz
