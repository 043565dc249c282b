// The cache lines of a ring and nothing else: what two cores must hand to each other for a burst of packets. No
// addresses are followed, no ids looked up; every field that a driver or a device has to write or read once is.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace vmq::bench {

inline constexpr std::uint32_t ring_size = 256;

// An index that one side writes, alone in its line.
struct alignas(64) SharedIndex {
    std::atomic<std::uint32_t> value{0};
};

// Where one side is; touched by that side only.
struct alignas(64) Position {
    std::uint32_t published = 0;
    std::uint32_t reclaimed = 0;  // the device: not used
};

// Per packet: 1/4 line of descriptors, 1/32 of available ring and 1/8 of used ring, each there and back; per burst: two
// indices there and back. 0.81 + 4 / burst.
class SplitLines {
public:
    [[nodiscard]] std::uint32_t free() const noexcept { return ring_size - (driver_.published - driver_.reclaimed); }

    // visit(position) for each.
    template <typename Visit>
    void publish(std::uint32_t count, Visit&& visit) noexcept {
        const std::uint32_t first = driver_.published;
        for (std::uint32_t i = first; i != first + count; ++i) {
            visit(i);
            descriptors_[i % ring_size] = {i, i};
            available_[i % ring_size] = static_cast<std::uint16_t>(i);
        }
        driver_.published = first + count;
        available_idx_.value.store(first + count, std::memory_order_release);
    }
    // The same for each of up to `most` that the device has used; returns how many.
    template <typename Visit>
    std::uint32_t reclaim(std::uint32_t most, Visit&& visit) noexcept {
        const std::uint32_t first = driver_.reclaimed;
        const std::uint32_t used = used_idx_.value.load(std::memory_order_acquire);
        const std::uint32_t count = std::min(used - first, most);
        std::uint64_t sum = 0;
        for (std::uint32_t i = first; i != first + count; ++i) {
            sum += used_[i % ring_size];
            visit(i);
        }
        asm volatile("" : : "r"(sum));
        driver_.reclaimed = first + count;
        return count;
    }
    template <typename Visit>
    bool complete(std::uint32_t most, Visit&& visit) noexcept {
        const std::uint32_t first = device_.published;
        const std::uint32_t available = available_idx_.value.load(std::memory_order_acquire);
        const std::uint32_t count = std::min(available - first, most);
        if (count == 0) return false;
        std::uint64_t sum = 0;
        for (std::uint32_t i = first; i != first + count; ++i) {
            sum += descriptors_[available_[i % ring_size] % ring_size].length;
            used_[i % ring_size] = i;
            visit(i);
        }
        asm volatile("" : : "r"(sum));
        device_.published = first + count;
        used_idx_.value.store(first + count, std::memory_order_release);
        return true;
    }

private:
    struct Descriptor {
        std::uint64_t address;
        std::uint64_t length;
    };
    alignas(64) std::array<Descriptor, ring_size> descriptors_{};
    alignas(64) std::array<std::uint16_t, ring_size> available_{};
    alignas(64) std::array<std::uint64_t, ring_size> used_{};
    SharedIndex available_idx_;
    SharedIndex used_idx_;
    Position driver_;
    Position device_;
};

// Per packet: 1/4 line of descriptors there and back. 0.5. The state of a descriptor is a count that both sides know:
// odd when the driver has made it available, even when the device has used it.
class PackedLines {
public:
    [[nodiscard]] std::uint32_t free() const noexcept { return ring_size - (driver_.published - driver_.reclaimed); }

    // The first descriptor's state comes last, so that the other side sees the burst as a whole.
    template <typename Visit>
    void publish(std::uint32_t count, Visit&& visit) noexcept {
        const std::uint32_t first = driver_.published;
        for (std::uint32_t i = first; i != first + count; ++i) visit(i);
        for (std::uint32_t i = first + 1; i != first + count; ++i) write(i, available(i));
        write(first, available(first));
        driver_.published = first + count;
    }
    template <typename Visit>
    std::uint32_t reclaim(std::uint32_t most, Visit&& visit) noexcept {
        const std::uint32_t first = driver_.reclaimed;
        std::uint32_t i = first;
        for (; i != first + most && i != driver_.published && state(i) == used(i); ++i) visit(i);
        driver_.reclaimed = i;
        return i - first;
    }
    template <typename Visit>
    bool complete(std::uint32_t most, Visit&& visit) noexcept {
        const std::uint32_t first = device_.published;
        std::uint32_t end = first;
        for (; end != first + most && state(end) == available(end); ++end) visit(end);
        if (end == first) return false;
        for (std::uint32_t i = first + 1; i != end; ++i) set_state(i, used(i));
        set_state(first, used(first));
        device_.published = end;
        return true;
    }

private:
    struct Descriptor {
        std::uint64_t address;
        std::atomic<std::uint64_t> state{0};  // stands for length, id and flags
    };
    static std::uint64_t available(std::uint32_t i) noexcept { return i / ring_size * 2 + 1; }
    static std::uint64_t used(std::uint32_t i) noexcept { return i / ring_size * 2 + 2; }
    [[nodiscard]] std::uint64_t state(std::uint32_t i) const noexcept {
        return descriptors_[i % ring_size].state.load(std::memory_order_acquire);
    }
    void set_state(std::uint32_t i, std::uint64_t state) noexcept {
        descriptors_[i % ring_size].state.store(state, std::memory_order_release);
    }
    void write(std::uint32_t i, std::uint64_t state) noexcept {
        descriptors_[i % ring_size].address = i;
        set_state(i, state);
    }

    alignas(64) std::array<Descriptor, ring_size> descriptors_{};
    Position driver_;
    Position device_;
};

// The packets' own lines, moved with the ring that carries them.
class PacketLines {
public:
    explicit PacketLines(unsigned lines) noexcept : lines_(lines) {}

    void write(std::uint32_t position) noexcept {
        for (unsigned i = 0; i < lines_; ++i) packets_[position % packets_.size()][i].word = position;
    }
    [[nodiscard]] std::uint64_t read(std::uint32_t position) const noexcept {
        std::uint64_t sum = 0;
        for (unsigned i = 0; i < lines_; ++i) sum += packets_[position % packets_.size()][i].word;
        return sum;
    }

private:
    struct alignas(64) Line {
        std::uint64_t word = 0;
    };
    unsigned lines_;
    std::array<std::array<Line, 2>, 2 * ring_size> packets_{};
};

}  // namespace vmq::bench
