// The receive routine, specialised by ring layout, by whether packets may lie in several buffers, and by the header's
// size. VIRTIO 1.3, 5.1.6.4.
#pragma once

#include <algorithm>
#include <array>

#include "driver/net/packet_access.hpp"
#include "driver/net/receiveq.hpp"
#include "driver/net/wide.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::net {

template <typename Ring, bool mergeable, std::uint32_t header_size>
class ReceiveBurst final : public Receiveq {
public:
    ReceiveBurst(const QueueMemory& memory, std::uint16_t size, virtio::RingFormat format, bool header_apart)
        : ring_(memory.bytes, memory.iova, size, format),
          header_apart_(header_apart),
          refill_threshold_(std::clamp(size / 4u, 1u, 32u)),
          starved_threshold_(size - size / 4u),
          slots_(std::make_unique<BufferRef[]>(size)) {}

    void use_pool(PacketPool& pool) noexcept override {
        pool_ = &pool;
        longest_ = pool.buffer_size() - header_offset;
        whole_ = PacketAccess::whole(pool, 0);
        to_header_ = pool.iova(nullptr).value - header_size;
        ring_.write_length(longest_);
    }
    [[nodiscard]] virtio::QueueConfig config(virtio::VectorIndex vector) const noexcept override {
        return ring_.config(vector);
    }
    [[nodiscard]] bool has_used() const noexcept override { return ring_.has_used(); }
    [[nodiscard]] bool arm() noexcept override { return ring_.arm(); }
    void disarm() noexcept override { ring_.disarm(); }
    [[nodiscard]] std::uint32_t size() const noexcept override { return ring_.slots().size(); }
    [[nodiscard]] bool starved() const noexcept override { return ring_.slots().free() >= starved_threshold_; }

    void receive(Batch& batch, std::size_t most) noexcept override {
        burst_bytes_ = 0;
        // First, so that the device goes on meanwhile, and while the slots that are free are those of the last burst:
        // packets that came back in order find their descriptors as they left them.
        refill();
        ring_.look(static_cast<std::uint32_t>(most));  // once: what comes meanwhile is the next burst's
        receive_run(batch, most);
        if (batch.size() < most) {
            receive_rest(batch, most);
        } else if ((backlog_ += static_cast<std::uint32_t>(most)) > long_backlog) {
            ring_.prefetch_used(static_cast<std::uint32_t>(most));
        }
        counters.packets.add(batch.size());
        counters.bytes.add(burst_bytes_);
        if (starved()) refill();
    }

    void refill() noexcept override {
        if (ring_.slots().free() >= refill_threshold_) refill_now();
    }

    void fill() noexcept override {
        post();
        static_cast<void>(ring_.publish());
    }

    void notify() const noexcept override { doorbell_.ring(ring_.position()); }

    void take_delivered(Batch& batch) noexcept override {
        burst_bytes_ = 0;
        ring_.look(Batch::capacity);
        receive_rest(batch, Batch::capacity);
        counters.packets.add(batch.size());
        counters.bytes.add(burst_bytes_);
    }

    void empty() noexcept override {
        for (virtio::Used used; ring_.has_used() && ring_.take(used); counters.lost.add()) pool_->give(slots_[used.id]);
        ring_.slots().for_each_outstanding([this](std::uint32_t slot) { pool_->give(slots_[slot]); });
        ring_.restart();
        std::fill_n(slots_.get(), size(), BufferRef{});  // no descriptor is right any more
        broken_ = false;
    }

    void restart() noexcept override {
        empty();
        fill();
    }

private:
    static constexpr std::uint32_t header_offset = packet_offset - header_size;
    static constexpr std::uint32_t long_backlog = 64;

    [[gnu::noinline]] void refill_now() noexcept {
        post();
        if (!ring_.publish()) return;
        notify();
        counters.notifies.add();
    }

    // Packets in one buffer each that came in the order of their slots, up to the ring's end. False: there was none.
    bool receive_run(Batch& batch, std::size_t most) noexcept {
        const std::uint32_t run = ring_.used_run(static_cast<std::uint32_t>(most - batch.size()));
        if (run == 0) return false;
        const BufferRef* const slots = slots_.get() + ring_.slots().slot(ring_.slots().retired);
        Packet* const packets = PacketAccess::storage(batch) + batch.size();
        const std::uint32_t count = take_run(ring_.reader(), slots, packets, run);
        ring_.retire(count);
        PacketAccess::set_size(batch, batch.size() + count);
        return count != 0;
    }

    // Behind the ring's end, and what is not plain.
    [[gnu::noinline]] void receive_rest(Batch& batch, std::size_t most) noexcept {
        while (batch.size() < most && ring_.in_sight())
            if (!receive_run(batch, most)) receive_odd(batch);
        if (batch.size() < most) backlog_ = 0;
        broken_ = ring_.fault() != virtio::RingFault::none;
    }

    // Stops at what is not used yet, or needs a closer look; returns how many packets it made.
    std::uint32_t take_run(typename Ring::Reader used, const BufferRef* slots, Packet* packets,
                           std::uint32_t run) noexcept {
        if (header_size == plain_header_size && run >= wide::group && wide_ != nullptr)
            return take_wide(used, slots, packets, run);
        return take_plain(used, slots, packets, run, {0, 0});
    }

    // Out of line, so that a short burst does not pay for the registers that it needs.
    [[gnu::noinline]] std::uint32_t take_wide(typename Ring::Reader used, const BufferRef* slots, Packet* packets,
                                              std::uint32_t run) noexcept {
        const wide::Taking taking{whole_, longest_ - header_size, mergeable};
        const wide::Moved moved = wide_->take(used.raw(), slots, packets, run, taking);
        used.skip(moved.packets);
        return take_plain(used, slots, packets, run, moved);
    }

    // The inner loop.
    std::uint32_t take_plain(typename Ring::Reader used, const BufferRef* slots, Packet* packets, std::uint32_t run,
                             wide::Moved moved) noexcept {
        const std::uint32_t longest = longest_ - header_size;
        const std::uint64_t whole = whole_;
        for (; moved.packets < run; ++moved.packets) {
            std::uint32_t length;
            if (!used.read(length)) break;  // not used yet, or out of order
            length -= header_size;          // the packet's own
            // Nothing in it, or the device claims too much.
            if (virtio::device_is_checked && length - 1 >= longest) break;
            const BufferRef& slot = slots[moved.packets];
            if (mergeable && num_buffers(slot) != 1) break;
            PacketAccess::place(packets + moved.packets, slot, whole + length);
            moved.bytes += length;
        }
        burst_bytes_ += moved.bytes;
        return static_cast<std::uint32_t>(moved.packets);
    }

    static std::uint16_t num_buffers(const BufferRef& ref) noexcept {
        const auto* header = reinterpret_cast<const virtio::NetHeader*>(ref.data - header_size);
        return support::load_relaxed(header->num_buffers);
    }

    // Whatever else the ring holds next, one packet of it.
    [[gnu::noinline]] void receive_odd(Batch& batch) noexcept {
        virtio::Used used;
        if (!ring_.take(used)) return;
        Buffer* const first = slots_[used.id].buffer;
        if (used.length > longest_) return drop(first, counters.drops_oversized);
        if (used.length <= header_size) return drop(first, counters.drops_short);
        std::uint32_t segments = 1;
        if constexpr (mergeable) {
            segments = num_buffers(slots_[used.id]);
            if (segments != 1 && !append_segments(first, segments)) return drop(first, counters.drops_bad_header);
        }
        burst_bytes_ += used.length - header_size;
        PacketAccess::emplace(batch, first, first->base + packet_offset, used.length - header_size,
                              PacketAccess::form_of(*pool_, segments));
    }

    // Hangs the further buffers of a packet on its first. 5.1.6.4: the device makes all of them used together, so a
    // missing one is its fault, as is a buffer without data. The buffers collected stay on `first` in any case.
    [[nodiscard]] bool append_segments(Buffer* first, std::uint32_t buffer_count) noexcept {
        if (buffer_count == 0 || buffer_count > max_segments) return false;
        Buffer* last = first;
        bool good = true;
        std::uint64_t bytes = 0;
        for (std::uint32_t missing = buffer_count - 1; missing > 0; --missing) {
            virtio::Used used;
            if (!ring_.take(used)) return false;
            Buffer* const buffer = slots_[used.id].buffer;
            if (used.length == 0 || used.length > longest_) good = false;
            buffer->segment_data = buffer->base + header_offset;
            buffer->segment_length = used.length;
            last->next_segment = buffer;
            last = buffer;
            bytes += used.length;
        }
        if (good) burst_bytes_ += bytes;
        return good;
    }

    void drop(Buffer* first, Counter& reason) noexcept {
        reason.add();
        pool_->give_chain(first);
    }

    // Stages a buffer for every free slot, as far as the pool has any.
    void post() noexcept {
        if constexpr (header_size == legacy_header_size)
            if (header_apart_) return post_apart();
        const virtio::Slots& slots = ring_.slots();
        while (slots.free() > 0 && post_run(std::min(slots.free(), slots.to_end(slots.staged)))) {
        }
    }

    // The same, with header and packet in a descriptor each.
    void post_apart() noexcept {
        const std::size_t wanted = ring_.slots().free() / 2;
        std::size_t count = wanted;
        const BufferRef* const refs = pool_->take(count);
        for (std::size_t i = 0; i < count; ++i) {
            const virtio::Iova header{reinterpret_cast<std::uintptr_t>(refs[i].data) + to_header_};
            const std::array<virtio::Segment, 2> parts{{{header, header_size},  // 5.1.6.6
                                                        {header + header_size, longest_ - header_size}}};
            slots_[ring_.add_chain({}, parts)] = refs[i];
        }
        note_shortage(count < wanted);
    }

    void note_shortage(bool is_short) noexcept {
        short_of_buffers_ = is_short;
        if (is_short) counters.refill_failures.add();
    }

    // The other inner loop. False: the pool has no more.
    bool post_run(std::size_t run) noexcept {
        auto writer = ring_.writer(virtio::descriptor_flags::write);
        const std::size_t wanted = run;
        const BufferRef* const refs = pool_->take(run);
        const std::uint64_t to_header = to_header_;
        BufferRef* const slots = slots_.get() + ring_.slots().slot(ring_.slots().staged);
        std::size_t done = 0;
        if (run >= wide::group && wide_ != nullptr) {
            done = wide_->post(writer.raw_writable(), slots, refs, run, to_header);
            writer.skip(done);
        }
        for (; done < run; ++done) {
            if (Ring::lasting_descriptors && slots[done].data == refs[done].data) {
                writer.skip(1);
                continue;
            }
            slots[done] = refs[done];
            writer.writable({reinterpret_cast<std::uintptr_t>(refs[done].data) + to_header});
        }
        ring_.stage(static_cast<std::uint32_t>(run));
        note_shortage(run < wanted);
        return run == wanted;
    }

    Ring ring_;
    const bool header_apart_;
    PacketPool* pool_ = nullptr;
    std::uint32_t longest_ = 0;    // header and packet in one buffer
    std::uint64_t whole_ = 0;      // the shape of a packet of 0 bytes
    std::uint64_t to_header_ = 0;  // from a packet's address to that of its header as the device sees it
    std::uint32_t refill_threshold_;
    std::uint32_t starved_threshold_;
    const wide::Routines* const wide_ = wide::routines();
    std::uint64_t burst_bytes_ = 0;
    std::uint32_t backlog_ = 0;           // packets taken since the ring was last found empty
    std::unique_ptr<BufferRef[]> slots_;  // the buffer behind each descriptor
};

}  // namespace vmq::net
