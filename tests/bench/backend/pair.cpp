// The data loops, compiled once for each ring layout.
#include "tests/bench/backend/pair.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <optional>
#include <span>
#include <unistd.h>

#include "tests/bench/backend/packed_queue.hpp"
#include "tests/bench/backend/split_queue.hpp"

namespace vmq::bench {
namespace {

constexpr std::size_t max_burst = 256;
constexpr std::size_t longest_packet = 65600;

template <typename Queue>
class LayoutPair final : public Pair {
public:
    LayoutPair(const PairSettings& settings, PairCounters& counters) : settings_(settings), counters_(counters) {}

    void set_memory(const AddressMap& memory) override { memory_ = memory; }
    void start(Direction direction, const RingMemory& ring, std::uint32_t base) override {
        const bool bursts = settings_.packed && settings_.in_order && direction == Direction::transmit;
        side(direction).queue.emplace(ring, RingFeatures{settings_.event_idx, bursts}, base);
        if (direction == Direction::receive && settings_.mode == Mode::forward) {
            to_inject_ = settings_.inject;
            inject_from_ = {};
        }
    }
    std::uint32_t stop(Direction direction) override {
        announce(side(direction));
        const std::uint32_t base = side(direction).queue->base();
        side(direction).queue.reset();
        return base;
    }
    void set_enabled(Direction direction, bool enabled) override { side(direction).enabled = enabled; }
    void set_call(Direction direction, int eventfd) override { side(direction).call = eventfd; }

    [[nodiscard]] bool runs() const noexcept override {
        switch (settings_.mode) {
            case Mode::drop:
                return transmit_.runs();
            case Mode::flood:
                return receive_.runs();
            case Mode::forward:
                return receive_.runs() && transmit_.runs();
            case Mode::both:
                return receive_.runs() || transmit_.runs();
        }
        return false;
    }

    bool poll() override {
        switch (settings_.mode) {
            case Mode::drop:
                return drop();
            case Mode::flood:
                return flood();
            case Mode::forward:
                return to_inject_ != 0 ? inject() : forward();
            case Mode::both: {
                const bool dropped = transmit_.runs() && drop();
                return (receive_.runs() && flood()) || dropped;
            }
        }
        return false;
    }

private:
    struct Side {
        std::optional<Queue> queue;
        bool enabled = false;
        int call = -1;

        [[nodiscard]] bool runs() const noexcept { return queue.has_value() && enabled; }
    };
    using Time = std::chrono::steady_clock::time_point;
    using Buffers = std::array<Buffer, max_burst>;

    Side& side(Direction direction) noexcept { return direction == Direction::receive ? receive_ : transmit_; }

    // Interrupts, looked after only when there is nothing else to do: it takes a full barrier.
    void announce(Side& side) noexcept {
        if (!side.queue->unannounced() || side.call < 0 || !side.queue->interrupt_wanted()) return;
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(side.call, &one, sizeof one);
        counters_.interrupts.add(1);
    }

    bool drop() noexcept {
        Buffers storage;
        const std::span<Buffer> buffers{storage.data(), transmit_.queue->fetch({storage.data(), settings_.burst})};
        if (buffers.empty()) {
            announce(transmit_);
            return false;
        }
        std::uint64_t bytes = 0;
        for (const Buffer& buffer : buffers) bytes += packet_length(buffer);
        transmit_.queue->complete(buffers);
        counters_.received.add(buffers.size());
        counters_.received_bytes.add(bytes);
        return true;
    }

    bool flood() noexcept {
        Buffers storage;
        const std::span<Buffer> buffers{storage.data(), receive_.queue->fetch({storage.data(), settings_.burst})};
        if (buffers.empty()) {
            announce(receive_);
            return false;
        }
        if (settings_.mergeable) write_buffer_counts(buffers);
        deliver(buffers);
        return true;
    }

    // 5.1.6.4.1: each packet is in one buffer. Written only where it is not so already, so that the line stays clean.
    void write_buffer_counts(std::span<const Buffer> buffers) const {
        std::array<virtio::NetHeader*, max_burst> headers;
        for (std::size_t i = 0; i < buffers.size(); ++i) {
            headers[i] = header_of(buffers[i]);
            __builtin_prefetch(headers[i]);
        }
        for (std::size_t i = 0; i < buffers.size(); ++i)
            if (headers[i]->num_buffers.value() != 1) headers[i]->num_buffers = 1;
    }

    // Completes receive buffers with packets of the configured size, or as much of it as the first descriptor holds.
    void deliver(std::span<Buffer> buffers) noexcept {
        const std::uint32_t length = settings_.header_size + settings_.size;
        for (Buffer& buffer : buffers) buffer.written = buffer.plain() ? std::min(length, buffer.length) : length;
        receive_.queue->complete(buffers);
        counters_.sent.add(buffers.size());
        counters_.sent_bytes.add(buffers.size() * settings_.size);
    }

    // The packets that forward circulates: zeroes behind an Ethernet header. They come a moment after the first receive
    // buffers, because DPDK throws away what it receives while it starts.
    bool inject() {
        Buffers storage;
        const std::size_t most = std::min(settings_.burst, to_inject_);
        const std::span<Buffer> buffers{storage.data(), receive_.queue->fetch({storage.data(), most})};
        const auto now = std::chrono::steady_clock::now();
        if (buffers.empty()) return false;
        if (inject_from_ == Time{}) inject_from_ = now + std::chrono::milliseconds{200};
        if (now < inject_from_) return false;
        static constexpr std::array<std::uint8_t, 14> ethernet{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
        std::memset(staging_.data(), 0, settings_.header_size + settings_.size);
        std::memcpy(staging_.data() + settings_.header_size, ethernet.data(), ethernet.size());
        set_one_buffer(staging_.data());
        for (const Buffer& buffer : buffers) scatter(buffer, settings_.header_size + settings_.size);
        deliver(buffers);
        to_inject_ -= static_cast<unsigned>(buffers.size());
        return true;
    }

    bool forward() {
        Buffers from_storage;
        Buffers to_storage;
        const std::span<Buffer> from{from_storage.data(),
                                     transmit_.queue->fetch({from_storage.data(), settings_.burst})};
        const std::span<Buffer> to{to_storage.data(), receive_.queue->fetch({to_storage.data(), from.size()})};
        if (to.empty()) {
            announce(receive_);
            announce(transmit_);
            return false;
        }
        for (std::size_t i = 0; i < to.size(); ++i) {
            if (from[i].plain()) __builtin_prefetch(memory_.at(from[i].address));
            if (to[i].plain()) __builtin_prefetch(memory_.at(to[i].address), 1);
        }
        std::size_t delivered = 0;
        std::uint64_t received_bytes = 0;
        std::uint64_t sent_bytes = 0;
        for (const Buffer& packet : from.first(to.size())) {
            const std::uint32_t length = packet_length(packet);
            received_bytes += length;
            to[delivered].written = copy(packet, to[delivered], length);
            if (to[delivered].written == 0) continue;
            sent_bytes += length;
            ++delivered;
        }
        transmit_.queue->complete(from.first(to.size()));
        if (delivered != 0) receive_.queue->complete(to.first(delivered));
        counters_.received.add(to.size());
        counters_.received_bytes.add(received_bytes);
        counters_.sent.add(delivered);
        counters_.sent_bytes.add(sent_bytes);
        if (delivered != to.size()) counters_.dropped.add(to.size() - delivered);
        return true;
    }

    // Copies a packet of `length` bytes behind a fresh header; returns the bytes written, 0 when it does not fit.
    std::uint32_t copy(const Buffer& from, const Buffer& to, std::uint32_t length) {
        const std::uint32_t header = settings_.header_size;
        if (from.plain() && to.plain()) [[likely]] {
            if (header + length > to.length) return 0;
            std::byte* const target = memory_.at(to.address);
            std::memset(target, 0, header);
            set_one_buffer(target);
            std::memcpy(target + header, memory_.at(from.address) + header, length);
            return header + length;
        }
        if (total_length(*receive_.queue, to) < header + length) return 0;
        gather(from);
        std::memset(staging_.data(), 0, header);
        set_one_buffer(staging_.data());
        scatter(to, header + length);
        return header + length;
    }

    void gather(const Buffer& buffer) {
        std::byte* at = staging_.data();
        transmit_.queue->for_each_descriptor(buffer, memory_, [&](std::uint64_t address, std::uint32_t length) {
            std::memcpy(at, memory_.at(address), length);
            at += length;
        });
    }
    void scatter(const Buffer& buffer, std::uint32_t length) const {
        const std::byte* at = staging_.data();
        receive_.queue->for_each_descriptor(buffer, memory_, [&](std::uint64_t address, std::uint32_t room) {
            const std::uint32_t part = std::min(room, length);
            std::memcpy(memory_.at(address), at, part);
            at += part;
            length -= part;
        });
    }

    [[nodiscard]] virtio::NetHeader* header_of(const Buffer& buffer) const {
        std::uint64_t start = buffer.address;
        if (!buffer.plain()) {  // perhaps the address of an indirect table: look for the first descriptor's own
            start = 0;
            receive_.queue->for_each_descriptor(buffer, memory_, [&](std::uint64_t address, std::uint32_t) {
                if (start == 0) start = address;
            });
        }
        return reinterpret_cast<virtio::NetHeader*>(memory_.at(start));
    }
    void set_one_buffer(std::byte* header) const noexcept {
        if (settings_.header_size == sizeof(virtio::NetHeader))
            reinterpret_cast<virtio::NetHeader*>(header)->num_buffers = 1;
    }

    [[nodiscard]] std::uint32_t total_length(const Queue& queue, const Buffer& buffer) const {
        if (buffer.plain()) [[likely]]
            return buffer.length;
        std::uint32_t sum = 0;
        queue.for_each_descriptor(buffer, memory_, [&](std::uint64_t, std::uint32_t length) { sum += length; });
        return sum;
    }
    [[nodiscard]] std::uint32_t packet_length(const Buffer& buffer) const {
        return total_length(*transmit_.queue, buffer) - settings_.header_size;
    }

    const PairSettings settings_;
    PairCounters& counters_;
    Side receive_;
    Side transmit_;
    AddressMap memory_;
    unsigned to_inject_ = 0;
    Time inject_from_;
    std::array<std::byte, longest_packet> staging_;  // of packets in several descriptors
};

}  // namespace

std::unique_ptr<Pair> make_pair(const PairSettings& settings, PairCounters& counters) {
    if (settings.packed) return std::make_unique<LayoutPair<PackedQueue>>(settings, counters);
    return std::make_unique<LayoutPair<SplitQueue>>(settings, counters);
}

}  // namespace vmq::bench
