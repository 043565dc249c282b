// Descriptor tables for packets of several segments, so that each takes one slot of its ring. VIRTIO 1.3, 2.7.5.3 and
// 2.8.7.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "driver/net/packet_pool.hpp"
#include "driver/net/queue_memory.hpp"

namespace vmq::net {

// One owner thread.
class IndirectTables {
public:
    static constexpr std::size_t count = 32;
    // A descriptor has 16 bytes in either layout; the header may have one of its own.
    static constexpr std::size_t table_size = (max_segments + 1) * 16;
    static constexpr std::size_t memory_size = count * table_size;

    explicit IndirectTables(const QueueMemory& memory) noexcept : memory_(memory) { restart(); }
    void restart() noexcept {
        for (std::size_t i = 0; i < count; ++i) free_[i] = static_cast<std::uint8_t>(i);
        free_count_ = count;
    }

    [[nodiscard]] bool any_free() const noexcept { return free_count_ != 0; }
    [[nodiscard]] std::uint8_t take() noexcept { return free_[--free_count_]; }
    void give(std::uint8_t table) noexcept { free_[free_count_++] = table; }

    [[nodiscard]] std::byte* data(std::uint8_t table) const noexcept {
        return memory_.bytes.data() + table * table_size;
    }
    [[nodiscard]] virtio::Iova iova(std::uint8_t table) const noexcept { return memory_.iova + table * table_size; }

private:
    QueueMemory memory_;
    std::array<std::uint8_t, count> free_{};
    std::size_t free_count_ = 0;
};

}  // namespace vmq::net
