// One virtqueue from the side of a device that does as it likes: it can follow the rules, break any of them, and write
// anywhere. VIRTIO 1.3, 2.7 and 2.8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "driver/virtio/queue_config.hpp"
#include "tests/fuzz/harness/input.hpp"

namespace vmq::fuzz {

// A buffer as the device found it, which may be what it wrote there itself.
struct Found {
    std::uint64_t address = 0;
    std::uint32_t length = 0;
    std::uint16_t id = 0;
    std::uint16_t descriptors = 1;
};

class HostileQueue {
public:
    // The addresses in `config` are this process's own.
    HostileQueue(std::span<std::byte> memory, const virtio::QueueConfig& config, bool packed);
    // After a reset, with the ring as new.
    void restart() noexcept;

    // As the rules have it: reads what is available, and puts used buffers where the next ones belong.
    void fetch();
    [[nodiscard]] std::vector<Found>& fetched() noexcept { return fetched_; }
    void use(std::uint32_t id, std::uint32_t length, std::uint16_t descriptors) noexcept;

    // As they do not.
    void move_used(std::int8_t by) noexcept;
    void scribble(Input& input) noexcept;

private:
    [[nodiscard]] bool fetch_split(Found& found) noexcept;
    [[nodiscard]] bool fetch_packed(Found& found) noexcept;
    void show_used_index() noexcept;

    template <typename T>
    [[nodiscard]] T* at(virtio::Iova address) const noexcept {
        return reinterpret_cast<T*>(address.value);
    }

    std::span<std::byte> memory_;
    virtio::QueueConfig config_;
    bool packed_;
    // Split: free-running indices. Packed: positions, whose lap gives the wrap counter.
    std::uint16_t next_ = 0;
    std::uint16_t used_ = 0;
    std::vector<Found> fetched_;
};

}  // namespace vmq::fuzz
