// Misdeeds, each done by a queue that takes the honest pair's place for one moment: the measured loops know nothing of
// it.
#include "tests/bench/backend/misbehaving_pair.hpp"

#include <array>
#include <chrono>
#include <span>
#include <thread>
#include <type_traits>
#include <unistd.h>
#include <utility>

#include "tests/bench/backend/packed_queue.hpp"
#include "tests/bench/backend/split_queue.hpp"

namespace vmq::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t claimed_length = 60'000;  // more than any receive buffer has, and still a 16-bit length
constexpr std::uint16_t claimed_checksum = 60'000;
constexpr std::uint32_t mark = 1;  // byte more than in honest packets: whoever delivers a misdeed is known by it
constexpr auto silence = 1ms;      // for the driver to look before an honest entry covers the misdeed

bool is_of_transmitq(Misdeed kind) {
    return kind == Misdeed::transmit_id_outside || kind == Misdeed::transmit_id_twice;
}

template <typename Queue>
class MisbehavingPair final : public Pair {
public:
    MisbehavingPair(std::unique_ptr<Pair> honest, const PairSettings& settings, const Misbehaviour& misbehaviour,
                    PairCounters& counters)
        : honest_(std::move(honest)),
          settings_(settings),
          misbehaviour_(misbehaviour),
          direction_(is_of_transmitq(misbehaviour.kind) ? Direction::transmit : Direction::receive),
          counters_(counters),
          last_(moved()) {}

    void set_memory(const AddressMap& memory) override {
        memory_ = memory;
        honest_->set_memory(memory);
    }
    void start(Direction direction, const RingMemory& ring, std::uint32_t base) override {
        if (direction == direction_) ring_ = ring;
        if (direction == Direction::receive) receives_ = true;
        honest_->start(direction, ring, base);
    }
    std::uint32_t stop(Direction direction) override {
        if (direction == direction_) ring_ = {};
        if (direction == Direction::receive && !std::exchange(receives_, false)) return base_;
        return honest_->stop(direction);
    }
    void set_enabled(Direction direction, bool enabled) override { honest_->set_enabled(direction, enabled); }
    void set_call(Direction direction, int eventfd) override {
        if (direction == direction_) call_ = eventfd;
        honest_->set_call(direction, eventfd);
    }
    [[nodiscard]] bool runs() const noexcept override { return honest_->runs(); }

    bool poll() override {
        if (counters_.misdeeds.value() >= misbehaviour_.most) return poll_without_receiveq();
        if (moved() - last_ < misbehaviour_.after || ring_.size == 0) return honest_->poll();
        Queue queue{ring_, {settings_.event_idx, false}, honest_->stop(direction_)};
        const bool done = misbehave(queue);
        if (done) settle();
        honest_->start(direction_, ring_, queue.base());
        return done || honest_->poll();
    }

private:
    [[nodiscard]] std::uint64_t moved() const noexcept {
        return direction_ == Direction::receive ? counters_.sent.value() : counters_.received.value();
    }

    // One of the two buffers always keeps the rules; so does a packet whose checksum alone is a lie.
    void count_the_honest_part(std::span<const Buffer> buffers) {
        if (direction_ == Direction::transmit) {
            counters_.received.add(1);
            counters_.received_bytes.add(buffers[1].length - settings_.header_size);
            return;
        }
        const std::uint64_t packets = misbehaviour_.kind == Misdeed::checksum_beyond ? 2 : 1;
        counters_.sent.add(packets);
        counters_.sent_bytes.add(packets * settings_.size);
    }

    bool poll_without_receiveq() {
        if (std::exchange(receives_, false)) base_ = honest_->stop(Direction::receive);
        return honest_->runs() && honest_->poll();
    }

    void settle() {
        last_ = moved();
        counters_.misdeeds.add(1);
        const std::uint64_t one = 1;
        if (call_ >= 0) [[maybe_unused]]
            const auto written = ::write(call_, &one, sizeof one);
        std::this_thread::sleep_for(silence);
    }

    // False: the driver has not made enough available for it.
    bool misbehave(Queue& queue) {
        if (misbehaviour_.kind == Misdeed::index_jump) return jump(queue);
        std::array<Buffer, 2> buffers;
        if (queue.fetch(buffers) < buffers.size()) return false;
        Buffer& liar = buffers[0];
        if (!liar.plain() || !buffers[1].plain()) return false;
        if (direction_ == Direction::receive) {
            write_header(liar);
            write_header(buffers[1]);
            for (Buffer& buffer : buffers) buffer.written = settings_.header_size + settings_.size;
        }
        lie(buffers);
        queue.complete(buffers);
        count_the_honest_part(buffers);
        return true;
    }

    void lie(std::array<Buffer, 2>& buffers) {
        Buffer& liar = buffers[0];
        switch (misbehaviour_.kind) {
            case Misdeed::id_outside:
            case Misdeed::transmit_id_outside:
                liar.id =
                    static_cast<std::uint16_t>(ring_.size + counters_.misdeeds.value() * 37 % (0x10000 - ring_.size));
                liar.written += mark;
                return;
            case Misdeed::id_twice:
            case Misdeed::transmit_id_twice:
                buffers[1].id = liar.id;
                buffers[1].written += mark;
                return;
            case Misdeed::length_beyond:
                liar.written = claimed_length;
                return;
            case Misdeed::length_short:
                liar.written = settings_.header_size / 2;
                return;
            case Misdeed::many_buffers:
                header_of(liar).num_buffers = 0xffff;
                liar.written += mark;
                return;
            case Misdeed::no_buffers:
                header_of(liar).num_buffers = 0;
                liar.written += mark;
                return;
            case Misdeed::checksum_beyond:
                header_of(liar).flags = virtio::net_header_flags::needs_csum;
                header_of(liar).csum_start = claimed_checksum;
                return;
            case Misdeed::index_jump:
                return;  // the elements are not the lie
        }
    }

    bool jump(const Queue& queue) {
        if constexpr (std::is_same_v<Queue, SplitQueue>) {
            auto* const used = reinterpret_cast<virtio::RingHeader*>(ring_.device);
            support::store_release(used->idx, static_cast<std::uint16_t>(queue.base() + 2u * ring_.size));
            return true;
        }
        return false;  // a packed ring has no index
    }

    [[nodiscard]] virtio::NetHeader& header_of(const Buffer& buffer) const {
        return *reinterpret_cast<virtio::NetHeader*>(memory_.at(buffer.address));
    }
    void write_header(const Buffer& buffer) const {
        virtio::NetHeader& header = header_of(buffer);
        header = {};
        header.num_buffers = 1;
    }

    const std::unique_ptr<Pair> honest_;
    const PairSettings settings_;
    const Misbehaviour misbehaviour_;
    const Direction direction_;
    PairCounters& counters_;
    std::uint64_t last_;
    RingMemory ring_;
    AddressMap memory_;
    int call_ = -1;
    bool receives_ = false;   // the honest pair has the receiveq
    std::uint32_t base_ = 0;  // of the receiveq when it was taken away
};

}  // namespace

std::unique_ptr<Pair> make_misbehaving_pair(std::unique_ptr<Pair> honest, const PairSettings& settings,
                                            const Misbehaviour& misbehaviour, PairCounters& counters) {
    if (settings.packed)
        return std::make_unique<MisbehavingPair<PackedQueue>>(std::move(honest), settings, misbehaviour, counters);
    return std::make_unique<MisbehavingPair<SplitQueue>>(std::move(honest), settings, misbehaviour, counters);
}

}  // namespace vmq::bench
