// The packed virtqueue's layout, chains, stragglers and interrupt suppression: what is not in the burst path.
#include "driver/virtio/packed_ring.hpp"

#include <cstring>

namespace vmq::virtio {

struct PackedRing::Layout {
    explicit constexpr Layout(std::size_t queue_size) noexcept
        : driver_area((queue_size * sizeof(PackedDescriptor) + ring_alignment - 1) / ring_alignment * ring_alignment),
          device_area(driver_area + ring_alignment),  // one writer to a line
          end(device_area + ring_alignment) {}

    std::size_t driver_area;
    std::size_t device_area;
    std::size_t end;
};

std::size_t PackedRing::memory_size(std::uint16_t size, RingFormat /*format*/) noexcept { return Layout{size}.end; }

PackedRing::PackedRing(std::span<std::byte> memory, Iova iova, std::uint16_t size, RingFormat format,
                       std::uint16_t start)
    : slots_(size, start),
      log2_size_(static_cast<std::uint8_t>(std::countr_zero(size))),
      in_order_(format.in_order),
      event_idx_(format.event_idx),
      iova_(iova) {
    const Layout layout{size};
    memory_ = ring_memory(memory, iova, layout.end);
    descriptors_ = reinterpret_cast<PackedDescriptor*>(memory_.data());
    driver_event_ = reinterpret_cast<EventSuppression*>(memory_.data() + layout.driver_area);
    device_event_ = reinterpret_cast<const EventSuppression*>(memory_.data() + layout.device_area);
    restart(start);
}

void PackedRing::restart(std::uint16_t start) noexcept {
    std::memset(memory_.data(), 0, memory_.size());
    slots_.restart(start);
    next_used_ = start;
    fault_ = RingFault::none;
    in_batch_ = false;
    // Slots behind `start` were available in this lap and are used, those from it on in the lap before.
    for (std::uint32_t i = 0; i < slots_.size(); ++i) {
        const std::uint32_t lap = slots_.slot(start) > i ? start : start - slots_.size();
        descriptors_[i].flags = used_flags(lap);
    }
    armed_ = true;
    disarm();
}

QueueConfig PackedRing::config(VectorIndex vector) const noexcept {
    const Layout layout{slots_.size()};
    return {.size = static_cast<std::uint16_t>(slots_.size()),
            .descriptor_area = iova_,
            .driver_area = iova_ + layout.driver_area,
            .device_area = iova_ + layout.device_area,
            .vector = vector};
}

void PackedRing::write_descriptor(std::uint32_t position, std::uint32_t id, Segment segment,
                                  std::uint16_t flags) noexcept {
    flags |= avail_flags(position);
    if (position == slots_.published) {
        head_flags_ = flags;
        flags = hidden(flags);
    }
    PackedDescriptor& descriptor = descriptors_[slots_.slot(position)];
    descriptor.addr = segment.address.value;
    support::store_relaxed(second_word(descriptor), std::uint64_t{id_and_flags(id, flags)} << 32 | segment.length);
}

std::uint16_t PackedRing::add_chain(std::span<const Segment> readable, std::span<const Segment> writable) noexcept {
    const std::size_t count = readable.size() + writable.size();
    assert(count > 0 && count <= slots_.free());
    const std::uint32_t id = slots_.slot(slots_.staged);
    for (std::size_t i = 0; i < count; ++i) {
        const bool write = i >= readable.size();
        auto flags = write ? descriptor_flags::write : std::uint16_t{0};
        if (i + 1 < count) flags |= descriptor_flags::next;
        write_descriptor(slots_.staged + static_cast<std::uint32_t>(i), id,
                         write ? writable[i - readable.size()] : readable[i], flags);
    }
    slots_.stage_chain(static_cast<std::uint32_t>(count));
    return static_cast<std::uint16_t>(id);
}

std::uint16_t PackedRing::add_indirect(Iova table, std::size_t segments) noexcept {
    const std::uint32_t id = slots_.slot(slots_.staged);
    write_descriptor(slots_.staged, id, {table, static_cast<std::uint32_t>(segments * sizeof(PackedDescriptor))},
                     descriptor_flags::indirect);
    stage(1);
    return static_cast<std::uint16_t>(id);
}

void PackedRing::fill_indirect(IndirectDescriptor* table, std::span<const Segment> readable) noexcept {
    // 2.8.7: in a table only WRITE means something, and the order is that of the entries.
    for (std::size_t i = 0; i < readable.size(); ++i)
        table[i] = {le64{readable[i].address.value}, le32{readable[i].length}, le16{}, le16{}};
}

std::uint32_t PackedRing::count_in_order(std::uint32_t run) noexcept {
    std::uint32_t count = 0;
    while (count < run) {
        const std::uint32_t position = slots_.retired + count;
        const std::uint64_t word = used_word(descriptors_[slots_.slot(position)]);
        if (!is_used(static_cast<std::uint16_t>(word >> 48), position)) break;
        const std::uint32_t batch = slots_.slot(static_cast<std::uint16_t>(word >> 32) - position) + 1;
        // Nonsense, or a batch that goes round the ring's end, is taken buffer by buffer.
        if (static_cast<std::uint16_t>(word >> 32) >= slots_.size() || batch > run - count) break;
        count += batch;
    }
    return count;
}

bool PackedRing::take(Used& used) noexcept {
    if (!has_used()) return false;
    if (!in_batch_) {
        const std::uint64_t word = used_word(descriptors_[slots_.slot(next_used_)]);
        const auto id = static_cast<std::uint16_t>(word >> 32);
        if (id >= slots_.size()) return fail(RingFault::id_out_of_range);
        if (!slots_.outstanding(id)) return fail(RingFault::id_not_outstanding);
        batch_end_ = {id, static_cast<std::uint32_t>(word)};
        in_batch_ = true;
    }
    used = batch_end_;
    if (in_order_ && slots_.slot(slots_.retired) != batch_end_.id) {
        // 2.8.9: one descriptor stands for the buffers up to its id; those before it were used completely.
        used = {static_cast<std::uint16_t>(slots_.slot(slots_.retired)), write_length_};
    } else {
        in_batch_ = false;
    }
    next_used_ += slots_.count(used.id);
    slots_.take_back(used.id);
    return true;
}

bool PackedRing::arm() noexcept {
    armed_ = true;
    if (event_idx_) {
        const auto wrap = static_cast<std::uint16_t>(wrap_counter(next_used_) << 15);
        support::store_relaxed(driver_event_->desc, static_cast<std::uint16_t>(slots_.slot(next_used_) | wrap));
        support::store_release(driver_event_->flags, event_flags::desc);
    } else {
        support::store_relaxed(driver_event_->flags, event_flags::enable);
    }
    // 2.8.10: buffers that were used between the last look and the request bring no interrupt, so look again, and
    // not before the request is visible.
    support::full_barrier();
    return !has_used();
}

void PackedRing::disarm() noexcept {
    if (!armed_) return;
    armed_ = false;
    support::store_relaxed(driver_event_->flags, event_flags::disable);
}

}  // namespace vmq::virtio
