// The send routine, specialised by ring layout and by the header's size. VIRTIO 1.3, 5.1.6.2.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "driver/net/attached.hpp"
#include "driver/net/indirect_tables.hpp"
#include "driver/net/packet_access.hpp"
#include "driver/net/requests.hpp"
#include "driver/net/transmitq.hpp"
#include "driver/net/wide.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::net {

template <typename Ring, std::uint32_t header_size>
class TransmitBurst final : public Transmitq {
public:
    TransmitBurst(const QueueMemory& memory, std::uint16_t size, virtio::RingFormat format, bool indirect,
                  bool header_apart, std::uint32_t max_packet_bytes, virtio::FeatureSet features)
        : ring_(memory.bytes, memory.iova, size, format),
          header_apart_(header_apart),
          max_packet_bytes_(max_packet_bytes),
          reclaim_threshold_(size / 2u),
          unblock_threshold_(usual_unblock_threshold()),
          slots_(std::make_unique<BufferRef[]>(size)),
          requests_(features, max_packet_bytes, header_apart ? size / 2u : size, counters) {
        if (!indirect) return;
        const std::size_t offset = Ring::memory_size(size, format);
        tables_.emplace(QueueMemory{memory.bytes.subspan(offset), memory.iova + offset});
        table_of_ = std::make_unique<std::uint8_t[]>(size);
        std::fill_n(table_of_.get(), size, no_table);
    }

    void use_pool(PacketPool& pool) noexcept override {
        pool_ = &pool;
        // With the header apart every packet is an odd one: no shape is between 0 and the longest packet's length.
        shortest_ = header_apart_ ? 0 : PacketAccess::whole(pool, 1);
        to_header_ = pool.iova(nullptr).value - header_size;
    }
    [[nodiscard]] virtio::QueueConfig config(virtio::VectorIndex vector) const noexcept override {
        return ring_.config(vector);
    }
    [[nodiscard]] bool arm() noexcept override { return ring_.arm(); }
    void disarm() noexcept override { ring_.disarm(); }
    [[nodiscard]] std::uint32_t size() const noexcept override { return ring_.slots().size(); }
    [[nodiscard]] bool idle() const noexcept override { return ring_.slots().free() == size(); }

    std::size_t send(Batch& batch) noexcept override {
        if (ring_.slots().free() < reclaim_threshold_) reclaim();
        burst_ = {};
        std::size_t done = stage_run(batch, 0);
        if (done < batch.size()) done = stage_rest(batch, done);
        blocked_ = done < batch.size();
        PacketAccess::drop_front(batch, done);
        counters.packets.add(done - burst_.rejected + burst_.further);
        counters.bytes.add(burst_.bytes);
        if (ring_.publish()) {
            doorbell_.ring(ring_.position());
            counters.notifies.add();
        }
        ring_.prefetch_free(static_cast<std::uint32_t>(done));  // for a next burst like this one
        return done;
    }

    void reclaim() noexcept override {
        std::uint64_t completed = 0;
        ring_.look(size());
        while (const std::uint32_t run = ring_.used_run(size())) {
            const std::uint32_t count = count_used(run);
            give_back(ring_.slots().slot(ring_.slots().retired), count);
            ring_.retire(count);
            completed += count;
            if (count < run) break;
        }
        virtio::Used used;  // the device's length is junk here and ignored (2.7.8.2)
        for (; ring_.in_sight() && ring_.take(used); ++completed) give_back_odd(used.id);
        concerns_.broken = ring_.fault() != virtio::RingFault::none;
        if (completed != 0) counters.completed.add(completed);
        if (ring_.slots().free() >= unblock_threshold_) blocked_ = false;
    }

    void restart() noexcept override {
        ring_.slots().for_each_outstanding([this](std::uint32_t slot) {
            give_back_odd(slot);
            counters.lost.add();
        });
        ring_.restart();
        blocked_ = concerns_.broken = false;
    }

private:
    static constexpr std::uint8_t no_table = 0xff;

    // Packets from `first` on that are one whole buffer of this pair's pool each, up to the ring's end; returns how
    // many.
    std::size_t stage_run(Batch& batch, std::size_t first) noexcept {
        const virtio::Slots& slots = ring_.slots();
        const std::size_t room = std::min(slots.free(), slots.to_end(slots.staged));
        return stage_plain(batch.begin() + first, std::min(batch.size() - first, room));
    }

    // Behind the ring's end, and packets of another form, as long as there is room; returns the batch's done packets.
    [[gnu::noinline]] std::size_t stage_rest(Batch& batch, std::size_t done) noexcept {
        while (done < batch.size()) {
            if (const std::size_t staged = stage_run(batch, done)) {
                done += staged;
            } else if (stage_odd(batch[done])) {
                ++done;
            } else {
                counters.ring_full.add();
                break;
            }
        }
        return done;
    }

    // The inner loop. Stops at a packet of another kind; returns how many it staged.
    std::size_t stage_plain(const Packet* packets, std::size_t run) noexcept {
        auto writer = ring_.writer(0);
        const std::uint64_t shortest = shortest_;
        const std::uint64_t longest = max_packet_bytes_;
        const std::uint64_t to_header = to_header_;
        BufferRef* const slots = slots_.get() + ring_.slots().slot(ring_.slots().staged);
        wide::Moved moved{0, 0};
        if (header_size == plain_header_size && run >= wide::group && wide_ != nullptr) {
            moved = wide_->stage(writer.raw_readable(), slots, packets, run, {shortest, longest, to_header});
            writer.skip(moved.packets);
        }
        for (; moved.packets < run; ++moved.packets) {
            const Packet& packet = packets[moved.packets];
            const std::uint64_t shape = PacketAccess::shape(packet);
            if (shape - shortest >= longest) break;  // empty, too long, moved, several segments, another pool's
            std::byte* const data = PacketAccess::data(packet);
            clear_header(data - header_size);
            writer.readable({reinterpret_cast<std::uintptr_t>(data) + to_header},
                            static_cast<std::uint32_t>(shape) + header_size);
            PacketAccess::copy_ref(slots[moved.packets], packet);
            moved.bytes += static_cast<std::uint32_t>(shape);
        }
        ring_.stage(static_cast<std::uint32_t>(moved.packets));
        burst_.bytes += moved.bytes;
        return moved.packets;
    }

    // No offload is asked for, and 5.1.6.2 wants num_buffers 0: the header is all zeroes, whatever it held on receipt.
    // It is written only where it is not, so that a line which the device has read stays shared.
    static void clear_header(std::byte* header) noexcept {
        const auto word = [header](std::size_t offset) {
            std::uint64_t bytes;
            std::memcpy(&bytes, header + offset, sizeof bytes);
            return bytes;
        };
        std::uint64_t any = word(0) | word(header_size - 8);
        if constexpr (header_size > 16) any |= word(8);
        if (any != 0) std::memset(header, 0, header_size);
    }

    // One packet of whatever form. False: there is no room for it.
    bool stage_odd(Packet& packet) noexcept {
        virtio::NetHeader header;
        if (PacketAccess::has_request(packet)) {
            const Requests::Way way = requests_.prepare(packet, *pool_);
            if (way == Requests::Way::refuse) return refuse(packet);
            if (way == Requests::Way::cut) return stage_cut(packet);
            if (way == Requests::Way::ask) header = requests_.header();
        } else if (!acceptable(packet)) {
            return refuse(packet);
        }
        const std::size_t needed = descriptors(packet);
        const bool needs_table = tables_ && needed != 1;
        const auto has_room = [&] {
            return ring_.slots().free() >= (tables_ ? 1 : needed) && (!needs_table || tables_->any_free());
        };
        if (!has_room()) reclaim();
        if (!has_room()) return false;
        stage_buffers(PacketAccess::buffer(packet), PacketAccess::data(packet), PacketAccess::length(packet), header);
        static_cast<void>(PacketAccess::detach(packet));
        return true;
    }

    // It can never be sent.
    bool refuse(Packet& packet) noexcept {
        counters.rejected.add();
        ++burst_.rejected;
        pool_->give_chain(PacketAccess::detach(packet));
        return true;
    }

    // All segments of a packet that the device does not cut, or, when there is no room, none. False then.
    bool stage_cut(Packet& packet) noexcept {
        const std::size_t needed = requests_.buffers() * (header_apart_ ? 2 : 1);
        const auto make_segments = [&] {
            return ring_.slots().free() < needed ? nullptr : requests_.cut(packet, *pool_);
        };
        Buffer* segment = make_segments();
        if (segment == nullptr) {
            reclaim();
            segment = make_segments();
        }
        unblock_threshold_ = usual_unblock_threshold();
        if (segment == nullptr) {
            unblock_threshold_ = std::max(unblock_threshold_, static_cast<std::uint32_t>(needed));
            return false;
        }
        --burst_.further;  // it is none of its own
        for (Buffer* next; segment != nullptr; segment = next, ++burst_.further) {
            next = segment->next_returned;
            stage_buffers(segment, segment->segment_data, segment->segment_length, requests_.header());
        }
        pool_->give_chain(PacketAccess::detach(packet));
        return true;
    }

    // There is room for a packet of these buffers, whose first holds these bytes.
    void stage_buffers(Buffer* first, std::byte* data, std::uint32_t length, const virtio::NetHeader& header) noexcept {
        std::byte* const header_at = data - header_size;
        clear_header(header_at);
        if (header.flags != 0) std::memcpy(header_at, &header, std::min<std::size_t>(header_size, sizeof header));
        burst_.bytes += length;
        const virtio::Segment head{first->home->iova(header_at), length + header_size};
        const bool single = first->next_segment == nullptr;
        const bool one = single && !header_apart_;
        slots_[one ? ring_.add_readable(head) : stage_segments(*first, head)] = BufferRef::whole(first);
        if (!single || first->home != pool_) ++odd_slots_;
    }

    [[nodiscard]] std::uint32_t usual_unblock_threshold() const noexcept {
        return std::min<std::uint32_t>(Batch::capacity, reclaim_threshold_);
    }

    [[nodiscard]] bool acceptable(const Packet& packet) const noexcept {
        if (!packet) return false;
        const std::size_t length = packet.total_length();
        return length != 0 && length <= max_packet_bytes_ + offload::tag_bytes(packet.bytes()) &&
               packet.segment_count() <= max_segments && descriptors(packet) <= size();
    }
    // Without a table.
    [[nodiscard]] std::size_t descriptors(const Packet& packet) const noexcept {
        return packet.segment_count() + header_apart_;
    }

    [[nodiscard]] std::uint16_t stage_segments(const Buffer& first, virtio::Segment head) noexcept {
        std::size_t count = 0;
        if (header_apart_) {
            chain_[count++] = {head.address, header_size};
            head = {head.address + header_size, head.length - header_size};
        }
        if (head.length != 0) chain_[count++] = head;
        for (const Buffer* buffer = first.next_segment; buffer != nullptr; buffer = buffer->next_segment) {
            chain_[count++] = {segment_iova(*buffer), buffer->segment_length};
            burst_.bytes += buffer->segment_length;
            if (is_attached(*buffer)) count_piece(*buffer);
        }
        if (!tables_ || !tables_->any_free()) return ring_.add_chain({chain_.data(), count}, {});
        const std::uint8_t table = tables_->take();
        Ring::fill_indirect(reinterpret_cast<typename Ring::IndirectDescriptor*>(tables_->data(table)),
                            {chain_.data(), count});
        const std::uint16_t slot = ring_.add_indirect(tables_->iova(table), count);
        table_of_[slot] = table;
        return slot;
    }

    void count_piece(const Buffer& piece) noexcept {
        ++pieces_;
        concerns_.pieces = true;
        counters.attached_bytes.add(piece.segment_length);
    }

    // How many of a run of used buffers came in step.
    std::uint32_t count_used(std::uint32_t run) noexcept {
        if (ring_.in_order()) return ring_.count_in_order(run);
        auto used = ring_.reader();
        std::size_t count = 0;
        if (run >= wide::group && wide_ != nullptr) {
            count = wide_->check(used.raw(), run);
            used.skip(count);
        }
        std::uint32_t length = 0;
        while (count < run && used.read(length)) ++count;
        return static_cast<std::uint32_t>(count);
    }

    void give_back(std::uint32_t slot, std::uint32_t count) noexcept {
        if (odd_slots_ == 0) return pool_->give(&slots_[slot], count);
        for (std::uint32_t i = 0; i < count; ++i) give_back_odd(slot + i);
    }

    void give_back_odd(std::uint32_t slot) noexcept {
        Buffer* const buffer = slots_[slot].buffer;
        if (buffer->home != pool_ || buffer->next_segment != nullptr) --odd_slots_;
        if (tables_ && table_of_[slot] != no_table) tables_->give(std::exchange(table_of_[slot], no_table));
        for (const Buffer* further = buffer->next_segment; further != nullptr; further = further->next_segment)
            if (is_attached(*further)) concerns_.pieces = --pieces_ != 0;
        pool_->give_chain(buffer);
    }

    Ring ring_;
    const bool header_apart_;
    PacketPool* pool_ = nullptr;
    std::uint64_t shortest_ = 0;      // the shape of a packet of 1 byte
    std::uint64_t to_header_ = 0;     // from a packet's address to that of its header as the device sees it
    std::uint32_t max_packet_bytes_;  // without a VLAN tag
    std::uint32_t reclaim_threshold_;
    std::uint32_t unblock_threshold_;
    const wide::Routines* const wide_ = wide::routines();
    struct Burst {
        std::uint64_t bytes = 0;
        std::uint64_t rejected = 0;
        std::uint64_t further = 0;  // packets that came of cutting others; modulo 2^64
    } burst_;
    std::unique_ptr<BufferRef[]> slots_;  // the first buffer of the packet behind each slot
    std::uint32_t odd_slots_ = 0;         // slots whose buffers are another pool's, or more than one
    std::optional<IndirectTables> tables_;
    std::unique_ptr<std::uint8_t[]> table_of_;
    Requests requests_;
    std::array<virtio::Segment, max_segments + 1> chain_;  // of stage_segments, which so need not clear one each time
};

}  // namespace vmq::net
