// The split virtqueue's layout, chains, stragglers and interrupt suppression: what is not in the burst path.
#include "driver/virtio/split_ring.hpp"

#include <cstring>

namespace vmq::virtio {
namespace {

constexpr std::size_t aligned(std::size_t offset, std::size_t alignment) noexcept {
    return (offset + alignment - 1) / alignment * alignment;
}

}  // namespace

struct SplitRing::Layout {
    // The rings lie on cache lines of their own: driver and device write to different ones. A used element's length and
    // id are read as one word: 8-byte elements behind a 4-byte header, so the area starts 4 bytes into its line; 2.7
    // asks for an alignment of 4. A legacy device leaves no choice (2.7.2).
    constexpr Layout(std::size_t queue_size, bool legacy) noexcept
        : driver_area(aligned(queue_size * sizeof(Descriptor), legacy ? sizeof(Descriptor) : ring_alignment)),
          used_event(driver_area + sizeof(RingHeader) + queue_size * sizeof(le16)),
          device_area(legacy ? aligned(used_event + sizeof(le16), legacy_ring_alignment)
                             : aligned(used_event + sizeof(le16), ring_alignment) + sizeof(RingHeader)),
          avail_event(device_area + sizeof(RingHeader) + queue_size * sizeof(UsedElement)),
          end(aligned(avail_event + sizeof(le16), legacy ? legacy_ring_alignment : ring_alignment)) {}

    std::size_t driver_area;
    std::size_t used_event;
    std::size_t device_area;
    std::size_t avail_event;
    std::size_t end;
};

std::size_t SplitRing::memory_size(std::uint16_t size, RingFormat format) noexcept {
    return Layout{size, format.legacy}.end;
}

SplitRing::SplitRing(std::span<std::byte> memory, Iova iova, std::uint16_t size, RingFormat format, std::uint16_t start)
    : slots_(size, start),
      in_order_(format.in_order),
      event_idx_(format.event_idx),
      legacy_(format.legacy),
      iova_(iova) {
    const Layout layout{size, legacy_};
    memory_ = ring_memory(memory, iova, layout.end, legacy_ ? legacy_ring_alignment : ring_alignment);
    std::byte* base = memory_.data();
    descriptors_ = reinterpret_cast<Descriptor*>(base);
    available_ = reinterpret_cast<RingHeader*>(base + layout.driver_area);
    available_ring_ = reinterpret_cast<le16*>(base + layout.driver_area + sizeof(RingHeader));
    used_event_ = reinterpret_cast<le16*>(base + layout.used_event);
    used_ = reinterpret_cast<const RingHeader*>(base + layout.device_area);
    used_ring_ = reinterpret_cast<const UsedElement*>(base + layout.device_area + sizeof(RingHeader));
    avail_event_ = reinterpret_cast<const le16*>(base + layout.avail_event);
    restart(start);
}

void SplitRing::restart(std::uint16_t start) noexcept {
    std::memset(memory_.data(), 0, memory_.size());  // 2.7.10.1: the used ring's flags must start as 0
    slots_.restart(start);
    offered_ = taken_ = seen_used_ = start;
    fault_ = RingFault::none;
    in_batch_ = false;
    shifted_ = false;
    available_->idx = start;
    const_cast<RingHeader*>(used_)->idx = start;
    // As long as every buffer is one descriptor, entry i is slot i for ever.
    for (std::uint32_t i = 0; i < slots_.size(); ++i) available_ring_[i] = static_cast<std::uint16_t>(i);
    armed_ = true;
    disarm();
}

QueueConfig SplitRing::config(VectorIndex vector) const noexcept {
    const Layout layout{slots_.size(), legacy_};
    return {.size = static_cast<std::uint16_t>(slots_.size()),
            .descriptor_area = iova_,
            .driver_area = iova_ + layout.driver_area,
            .device_area = iova_ + layout.device_area,
            .vector = vector};
}

std::uint16_t SplitRing::add_chain(std::span<const Segment> readable, std::span<const Segment> writable) noexcept {
    const std::size_t count = readable.size() + writable.size();
    assert(count > 0 && count <= slots_.free());
    const std::uint32_t head = slots_.slot(slots_.staged);
    for (std::size_t i = 0; i < count; ++i) {
        const bool write = i >= readable.size();
        const bool last = i + 1 == count;
        const auto position = slots_.staged + static_cast<std::uint32_t>(i);
        auto flags = write ? descriptor_flags::write : std::uint16_t{0};
        if (!last) flags |= descriptor_flags::next;
        write_descriptor(slots_.slot(position), write ? writable[i - readable.size()] : readable[i], flags,
                         last ? 0 : slots_.slot(position + 1));
    }
    slots_.stage_chain(static_cast<std::uint32_t>(count));
    if (count > 1) shifted_ = true;
    return static_cast<std::uint16_t>(head);
}

std::uint16_t SplitRing::add_indirect(Iova table, std::size_t segments) noexcept {
    const std::uint32_t slot = slots_.slot(slots_.staged);
    write_descriptor(slot, {table, static_cast<std::uint32_t>(segments * sizeof(Descriptor))},
                     descriptor_flags::indirect, 0);
    stage(1);
    return static_cast<std::uint16_t>(slot);
}

void SplitRing::fill_indirect(IndirectDescriptor* table, std::span<const Segment> readable) noexcept {
    for (std::size_t i = 0; i < readable.size(); ++i) {
        const bool last = i + 1 == readable.size();
        table[i] = {le64{readable[i].address.value}, le32{readable[i].length},
                    le16{last ? std::uint16_t{0} : descriptor_flags::next},
                    le16{static_cast<std::uint16_t>(last ? 0 : i + 1)}};
    }
}

bool SplitRing::take(Used& used) noexcept {
    if (fault_ != RingFault::none || ready(1) == 0) return false;
    if (!in_batch_) {
        const UsedElement& element = used_ring_[slots_.slot(taken_)];
        const std::uint32_t id = support::load_relaxed(element.id);
        if (id >= slots_.size()) return fail(RingFault::id_out_of_range);
        if (!slots_.outstanding(id)) return fail(RingFault::id_not_outstanding);
        batch_end_ = {static_cast<std::uint16_t>(id), support::load_relaxed(element.len)};
        in_batch_ = true;
    }
    used = batch_end_;
    if (in_order_ && slots_.slot(slots_.retired) != batch_end_.id) {
        // 2.7.9: one element stands for the buffers up to its id. Those before were used completely. When the index
        // has not counted them all, ready() has said so by now or will before the next.
        used = {static_cast<std::uint16_t>(slots_.slot(slots_.retired)), write_length_};
    } else {
        in_batch_ = false;
    }
    slots_.take_back(used.id);
    ++taken_;
    return true;
}

bool SplitRing::arm() noexcept {
    armed_ = true;
    if (event_idx_)
        support::store_relaxed(*used_event_, taken_);
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
        support::store_relaxed(*used_event_, static_cast<std::uint16_t>(taken_ - slots_.size() - 1));
    else
        support::store_relaxed(available_->flags, available_flags::no_interrupt);
}

}  // namespace vmq::virtio
