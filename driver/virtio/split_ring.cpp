// The split virtqueue's layout, chains and interrupt suppression: what is not in the burst path.
#include "driver/virtio/split_ring.hpp"

#include <bit>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace vmq::virtio {
namespace {

// The rings lie on cache lines of their own: driver and device write to different ones.
constexpr std::size_t alignment = 64;

constexpr std::size_t aligned(std::size_t offset) noexcept { return (offset + alignment - 1) / alignment * alignment; }

}  // namespace

struct SplitRing::Layout {
    explicit constexpr Layout(std::size_t queue_size) noexcept
        : driver_area(aligned(queue_size * sizeof(Descriptor))),
          used_event(driver_area + sizeof(RingHeader) + queue_size * sizeof(le16)),
          device_area(aligned(used_event + sizeof(le16))),
          avail_event(device_area + sizeof(RingHeader) + queue_size * sizeof(UsedElement)),
          end(aligned(avail_event + sizeof(le16))) {}

    std::size_t driver_area;
    std::size_t used_event;
    std::size_t device_area;
    std::size_t avail_event;
    std::size_t end;
};

std::size_t SplitRing::memory_size(std::uint16_t size) noexcept { return Layout{size}.end; }

SplitRing::SplitRing(std::span<std::byte> memory, Iova iova, std::uint16_t size, bool event_idx, std::uint16_t start)
    : staged_(start),
      published_(start),
      taken_(start),
      free_count_(size),
      mask_(static_cast<std::uint16_t>(size - 1)),
      event_idx_(event_idx),
      iova_(iova) {
    if (!std::has_single_bit(size)) throw std::invalid_argument("a virtqueue's size must be a power of two");
    const Layout layout{size};
    if (memory.size() < layout.end) throw std::invalid_argument("too little memory for a virtqueue of this size");
    if (reinterpret_cast<std::uintptr_t>(memory.data()) % alignment != 0 || iova.value % alignment != 0)
        throw std::invalid_argument("a virtqueue's memory must be aligned to 64 bytes");

    std::byte* base = memory.data();
    std::memset(base, 0, layout.end);  // 2.7.10.1: the used ring's flags must start as 0
    descriptors_ = reinterpret_cast<Descriptor*>(base);
    available_ = reinterpret_cast<RingHeader*>(base + layout.driver_area);
    available_ring_ = reinterpret_cast<le16*>(base + layout.driver_area + sizeof(RingHeader));
    used_event_ = reinterpret_cast<le16*>(base + layout.used_event);
    used_ = reinterpret_cast<const RingHeader*>(base + layout.device_area);
    used_ring_ = reinterpret_cast<const UsedElement*>(base + layout.device_area + sizeof(RingHeader));
    avail_event_ = reinterpret_cast<const le16*>(base + layout.avail_event);
    available_->idx = start;
    reinterpret_cast<RingHeader*>(base + layout.device_area)->idx = start;

    staged_at_ = std::make_unique<std::uint64_t[]>(size);
    next_ = std::make_unique<std::uint16_t[]>(size);
    free_ = std::make_unique<std::uint16_t[]>(size);
    std::fill_n(staged_at_.get(), size, not_outstanding);
    std::fill_n(next_.get(), size, end_of_chain);
    for (std::uint16_t i = 0; i < size; ++i) free_[i] = static_cast<std::uint16_t>(mask_ - i);
    disarm();
}

QueueConfig SplitRing::config(VectorIndex vector) const noexcept {
    const Layout layout{size()};
    return {.size = size(),
            .descriptor_area = iova_,
            .driver_area = iova_ + layout.driver_area,
            .device_area = iova_ + layout.device_area,
            .vector = vector};
}

std::uint16_t SplitRing::add_chain(std::span<const Segment> readable, std::span<const Segment> writable) noexcept {
    const std::size_t count = readable.size() + writable.size();
    assert(count > 0 && count <= free_count_);
    const std::uint16_t head = free_[--free_count_];
    std::uint16_t id = head;
    for (std::size_t i = 0; i < count; ++i) {
        const bool write = i >= readable.size();
        const bool last = i + 1 == count;
        const Segment segment = write ? writable[i - readable.size()] : readable[i];
        auto flags = write ? descriptor_flags::write : std::uint16_t{0};
        const std::uint16_t next = last ? end_of_chain : free_[--free_count_];
        if (!last) flags |= descriptor_flags::next;
        write_descriptor(id, segment, flags, last ? std::uint16_t{0} : next);
        next_[id] = next;
        id = next;
    }
    stage(head);
    return head;
}

// Frees the descriptors behind `head`, which is free already, and returns the new count of free ones. The links are
// private, so the chain is as long as it was made.
std::uint32_t SplitRing::release_rest(std::uint16_t head, std::uint32_t free_count) noexcept {
    std::uint16_t id = std::exchange(next_[head], end_of_chain);
    while (id != end_of_chain) {
        free_[free_count++] = id;
        id = std::exchange(next_[id], end_of_chain);
    }
    return free_count;
}

bool SplitRing::arm() noexcept {
    armed_ = true;
    if (event_idx_)
        support::store_relaxed(*used_event_, ring_index(taken_));
    else
        support::store_relaxed(available_->flags, std::uint16_t{0});
    // 2.7.14: buffers that were used between the last look and the request bring no interrupt, so look again, and
    // not before the request is visible.
    support::full_barrier();
    return !has_used();
}

void SplitRing::disarm() noexcept {
    if (!armed_) return;
    armed_ = false;
    // 2.7.7.1: with EVENT_IDX flags stay 0. An event index further back than any buffer the device may still be
    // deciding about is reached only after the index has gone round.
    if (event_idx_)
        support::store_relaxed(*used_event_, static_cast<std::uint16_t>(ring_index(taken_) - size() - 1));
    else
        support::store_relaxed(available_->flags, available_flags::no_interrupt);
}

}  // namespace vmq::virtio
