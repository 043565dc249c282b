// One receive virtqueue. VIRTIO 1.3, 5.1.6.4.
#include "driver/net/receiveq.hpp"

#include <algorithm>

#include "driver/net/packet_access.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::net {

using support::load_relaxed;
using virtio::NetHeader;
using virtio::Used;

Receiveq::Receiveq(virtio::SplitRing& ring, bool mergeable)
    : ring_(&ring),
      mergeable_(mergeable),
      refill_threshold_(static_cast<std::uint16_t>(std::clamp(ring.size() / 4, 1, 32))),
      slots_(std::make_unique<Buffer*[]>(ring.size())) {}

void Receiveq::receive(Batch& batch) noexcept {
    Burst burst;
    burst.count = ring_->take_used(burst.used);
    if (burst.count == 0) return;
    burst_bytes_ = 0;
    while (burst.next < burst.count) receive_packet(batch, burst);
    counters.packets.add(batch.size());
    counters.bytes.add(burst_bytes_);
}

void Receiveq::receive_packet(Batch& batch, Burst& burst) noexcept {
    const Used used = burst.used[burst.next++];
    Buffer* const first = slots_[used.id];
    if (used.length > capacity()) return drop(first, counters.drops_oversized);
    if (used.length <= header_size) return drop(first, counters.drops_short);

    std::uint32_t segments = 1;
    if (mergeable_) {
        const auto* header = reinterpret_cast<const NetHeader*>(first->base + header_offset);
        segments = load_relaxed(header->num_buffers);
        if (segments != 1 && !append_segments(burst, first, segments)) return drop(first, counters.drops_bad_header);
    }
    burst_bytes_ += used.length - header_size;
    PacketAccess::emplace(batch, first, first->base + packet_offset, used.length - header_size, segments);
}

// Hangs the further buffers of a packet on its first. 5.1.6.4: the device makes all of them used together, so a
// missing one is its fault, as is a buffer without data. The buffers collected stay on `first` in any case.
bool Receiveq::append_segments(Burst& burst, Buffer* first, unsigned buffer_count) noexcept {
    if (buffer_count == 0 || buffer_count > max_segments) return false;
    Buffer* last = first;
    bool good = true;
    std::uint64_t bytes = 0;
    for (std::size_t missing = buffer_count - 1; missing > 0; --missing) {
        Used used;
        if (!next_of_packet(burst, missing, used)) return false;
        Buffer* const buffer = slots_[used.id];
        if (used.length == 0 || used.length > capacity()) good = false;
        buffer->segment_data = buffer->base + header_offset;
        buffer->segment_length = used.length;
        last->next_segment = buffer;
        last = buffer;
        bytes += used.length;
    }
    if (good) burst_bytes_ += bytes;
    return good;
}

// The next used buffer of a packet that began in this burst. When the burst ends in mid-packet the ring is asked for
// just the missing ones, so that everything taken belongs to this packet.
bool Receiveq::next_of_packet(Burst& burst, std::size_t missing, Used& used) noexcept {
    if (burst.next == burst.count) {
        burst.next = 0;
        burst.count = ring_->take_used({burst.used.data(), missing});
        if (burst.count == 0) return false;
    }
    used = burst.used[burst.next++];
    return true;
}

void Receiveq::drop(Buffer* first, Counter& reason) noexcept {
    reason.add();
    pool_->give_chain(first);
}

bool Receiveq::fill() noexcept {
    while (ring_->free_descriptors() > 0) {
        Buffer* const buffer = pool_->take();
        if (buffer == nullptr) {
            counters.refill_failures.add();
            break;
        }
        std::byte* const start = buffer->base + header_offset;
        slots_[ring_->add_writable({pool_->iova(start), capacity()})] = buffer;
    }
    return ring_->publish();
}

void Receiveq::refill() noexcept {
    if (ring_->free_descriptors() < refill_threshold_ || !fill()) return;
    doorbell_.ring();
    counters.notifies.add();
}

}  // namespace vmq::net
