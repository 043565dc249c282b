// Pages with a pattern before and behind every block of memory that a driver shares with its device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "driver/vhost/transport.hpp"

namespace vmq::crash {

inline constexpr std::size_t page = 4096;
inline constexpr std::uint64_t canary_mark = 0x6b72'616d'7961'6e63;  // no address and no packet of ours has it

// Word n of a canary page.
constexpr std::uint64_t canary_word(std::size_t n) { return canary_mark ^ (n * 0x9e37'79b9'7f4a'7c15); }

inline void make_canary(std::byte* at) {
    for (std::size_t n = 0; n < page / 8; ++n) {
        const std::uint64_t word = canary_word(n);
        std::memcpy(at + 8 * n, &word, sizeof word);
    }
}

// Whole canary pages, and those that begin or end like one and are none any more.
struct CanaryCount {
    std::size_t whole = 0;
    std::size_t damaged = 0;
};

inline CanaryCount count_canaries(std::span<const std::byte> memory) {
    CanaryCount count;
    for (std::size_t at = 0; at + page <= memory.size(); at += page) {
        std::size_t same = 0;
        for (std::size_t n = 0; n < page / 8; ++n) {
            const std::uint64_t expected = canary_word(n);
            same += std::memcmp(memory.data() + at + 8 * n, &expected, sizeof expected) == 0 ? 1 : 0;
        }
        if (same == page / 8) ++count.whole;
        if (same > 0 && same < page / 8) ++count.damaged;
    }
    return count;
}

// Asks for two pages more than the driver wants, and gives it what lies between them.
class CanaryTransport final : public vhost::VhostUserTransport {
public:
    using VhostUserTransport::VhostUserTransport;

    void check_memory(std::span<const support::MemoryNeed> needs) override {
        std::vector<support::MemoryNeed> more(needs.begin(), needs.end());
        for (support::MemoryNeed& need : more) need.size = whole(need.size) + 2 * page;
        VhostUserTransport::check_memory(more);
    }
    [[nodiscard]] virtio::DmaBlock allocate(std::size_t size, int numa_node) override {
        virtio::DmaBlock block = VhostUserTransport::allocate(whole(size) + 2 * page, numa_node);
        make_canary(block.data);
        make_canary(block.data + block.size - page);
        canaries += 2;
        block.data += page;
        block.iova.value += page;
        block.size -= 2 * page;
        return block;
    }

    static inline std::size_t canaries = 0;  // made by this process

private:
    static std::size_t whole(std::size_t size) { return (size + page - 1) / page * page; }
};

}  // namespace vmq::crash
