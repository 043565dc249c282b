// The slots of a ring: chains, and buffers that come back out of order.
#include "driver/virtio/ring.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>

namespace vmq::virtio {

std::span<std::byte> ring_memory(std::span<std::byte> memory, Iova iova, std::size_t size, std::size_t alignment) {
    if (memory.size() < size) throw std::invalid_argument("too little memory for a virtqueue of this size");
    if (reinterpret_cast<std::uintptr_t>(memory.data()) % alignment != 0 || iova.value % alignment != 0)
        throw std::invalid_argument("a virtqueue's memory must be aligned to " + std::to_string(alignment) + " bytes");
    return memory.first(size);
}

Slots::Slots(std::uint16_t size, std::uint32_t start) : mask_(size - 1u) {
    if (!std::has_single_bit(size)) throw std::invalid_argument("a virtqueue's size must be a power of two");
    count_ = std::make_unique<std::uint16_t[]>(size);
    back_ = std::make_unique<bool[]>(size);
    restart(start);
}

void Slots::restart(std::uint32_t start) noexcept {
    staged = published = retired = start;
    odd_ = 0;
    std::fill_n(count_.get(), size(), std::uint16_t{1});
    std::fill_n(back_.get(), size(), false);
}

void Slots::stage_chain(std::uint32_t descriptors) noexcept {
    if (descriptors > 1) {
        ++odd_;
        for (std::uint32_t i = 1; i < descriptors; ++i) count_[slot(staged + i)] = 0;
        count_[slot(staged)] = static_cast<std::uint16_t>(descriptors);
    }
    staged += descriptors;
}

void Slots::take_back(std::uint32_t id) noexcept {
    back_[id] = true;
    ++odd_;
    for (std::uint32_t oldest = slot(retired); retired != published && back_[oldest]; oldest = slot(retired)) {
        back_[oldest] = false;
        --odd_;
        const std::uint32_t descriptors = count_[oldest];
        if (descriptors > 1) --odd_;
        for (std::uint32_t i = 0; i < descriptors; ++i) count_[slot(retired + i)] = 1;
        retired += descriptors;
    }
}

}  // namespace vmq::virtio
