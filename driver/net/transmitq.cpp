// One transmit virtqueue. VIRTIO 1.3, 5.1.6.2.
#include "driver/net/transmitq.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "driver/net/packet_access.hpp"

namespace vmq::net {

using virtio::Segment;
using virtio::Used;

Transmitq::Transmitq(virtio::SplitRing& ring, std::uint32_t max_packet_bytes)
    : ring_(&ring),
      max_packet_bytes_(max_packet_bytes),
      reclaim_threshold_(static_cast<std::uint16_t>(ring.size() / 2)),
      unblock_threshold_(std::min<std::uint16_t>(Batch::capacity, reclaim_threshold_)),
      slots_(std::make_unique<Buffer*[]>(ring.size())) {}

std::size_t Transmitq::send(Batch& batch) noexcept {
    if (ring_->free_descriptors() < reclaim_threshold_) reclaim();
    std::size_t done = 0;
    std::uint64_t accepted = 0;
    std::uint64_t bytes = 0;
    for (Packet& packet : batch) {
        if (!acceptable(packet)) {
            counters.rejected.add();
            pool_->give_chain(PacketAccess::detach(packet));
            ++done;
            continue;
        }
        if (!room_for(packet)) break;
        bytes += packet.total_length();
        stage(packet);
        ++accepted;
        ++done;
    }
    blocked_ = done < batch.size();
    if (blocked_) counters.ring_full.add();
    PacketAccess::drop_front(batch, done);
    counters.packets.add(accepted);
    counters.bytes.add(bytes);
    if (ring_->publish()) {
        doorbell_.ring();
        counters.notifies.add();
    }
    return done;
}

bool Transmitq::acceptable(const Packet& packet) const noexcept {
    if (!packet) return false;
    const std::size_t length = packet.total_length();
    return length != 0 && length <= max_packet_bytes_ && packet.segment_count() <= max_segments &&
           packet.segment_count() <= ring_->size();
}

bool Transmitq::room_for(const Packet& packet) noexcept {
    if (ring_->free_descriptors() >= packet.segment_count()) return true;
    reclaim();
    return ring_->free_descriptors() >= packet.segment_count();
}

void Transmitq::stage(Packet& packet) noexcept {
    const std::uint32_t segments = PacketAccess::segments(packet);
    std::byte* const header = PacketAccess::data(packet) - header_size;
    // No offload is asked for, and 5.1.6.2 wants num_buffers 0: the header is all zeroes, whatever it held on receipt.
    std::memset(header, 0, header_size);
    Buffer* const first = PacketAccess::buffer(packet);
    const Segment head{first->home->iova(header), PacketAccess::length(packet) + header_size};
    const std::uint16_t id = segments == 1 ? ring_->add_readable(head) : stage_segments(first, head);
    slots_[id] = PacketAccess::detach(packet);
}

std::uint16_t Transmitq::stage_segments(Buffer* first, Segment head) noexcept {
    std::array<Segment, max_segments> chain;
    std::size_t count = 0;
    chain[count++] = head;
    for (const Buffer* buffer = first->next_segment; buffer != nullptr; buffer = buffer->next_segment)
        chain[count++] = {buffer->home->iova(buffer->segment_data), buffer->segment_length};
    return ring_->add_chain({chain.data(), count}, {});
}

void Transmitq::reclaim() noexcept {
    std::array<Used, Batch::capacity> used;  // the device's length is junk here and ignored (2.7.8.2)
    std::size_t count = 0;
    do {
        count = ring_->take_used(used);
        for (std::size_t i = 0; i < count; ++i) pool_->give_chain(slots_[used[i].id]);
        counters.completed.add(count);
    } while (count == used.size());
    if (ring_->free_descriptors() >= unblock_threshold_) blocked_ = false;
}

}  // namespace vmq::net
