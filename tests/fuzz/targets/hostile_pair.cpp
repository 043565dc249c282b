// A queue pair and the hostile device behind it.
#include "tests/fuzz/targets/hostile_pair.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "driver/net/packet_access.hpp"
#include "tests/fuzz/harness/require.hpp"

namespace vmq::fuzz {

using net::PacketAccess;
using net::Shape;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<net::Receiveq> make_receiveq(const Memory& memory, const PairForm& form) {
    return net::make_receiveq({memory.bytes(), memory.iova()}, form.ring_size, form.format, form.mergeable,
                              form.header);
}

std::unique_ptr<net::Transmitq> make_transmitq(const Memory& memory, const PairForm& form) {
    return net::make_transmitq({memory.bytes(), memory.iova()}, form.ring_size, form.format, form.indirect, form.header,
                               form.max_packet_bytes, form.features);
}

}  // namespace

HostilePair::HostilePair(const PairForm& form)
    : form_(form),
      receive_ring_(net::ring_memory_size(form.format, form.ring_size)),
      transmit_ring_(net::transmitq_memory_size(form.format, form.indirect, form.ring_size)),
      packet_memory_(std::size_t{form.buffers} * form.buffer_size),
      pair_(0, make_receiveq(receive_ring_, form), make_transmitq(transmit_ring_, form), net::WaitMode::polling),
      receiveq_(receive_ring_.bytes(), pair_.receiveq().config(virtio::no_vector), form.format.packed),
      transmitq_(transmit_ring_.bytes(), pair_.transmitq().config(virtio::no_vector), form.format.packed) {
    auto pool = std::make_unique<net::PacketPool>(std::vector{packet_memory_.block()}, form.buffers, form.buffer_size,
                                                  form.header.size);
    pool_ = pool.get();
    pair_.prepare(std::move(pool));
    settle(Shape::active);
}

void HostilePair::settle(Shape shape) {
    pair_.want(shape);
    require(pair_.settled(), "a pair without an owner takes up its shape at once");
}

std::size_t HostilePair::index_of(const net::Buffer& buffer) const {
    return static_cast<std::size_t>(buffer.base - packet_memory_.bytes().data()) / form_.buffer_size;
}

bool HostilePair::inside(std::span<const std::byte> bytes, const net::Buffer& buffer) const {
    return bytes.data() >= buffer.base && bytes.data() + bytes.size() <= buffer.base + form_.buffer_size;
}

// What came: nobody else has its buffers, and its bytes are inside them.
void HostilePair::hold(Batch& batch) {
    for (Packet& packet : batch) {
        std::size_t segment = 0;
        for (const net::Buffer* buffer = PacketAccess::buffer(packet); buffer != nullptr;
             buffer = buffer->next_segment) {
            require(!is_held_[index_of(*buffer)], "a buffer is delivered once");
            is_held_[index_of(*buffer)] = true;
            require(segment < packet.segment_count(), "a packet has as many segments as it tells");
            require(inside(packet.segment(segment++), *buffer), "a packet's bytes lie in its buffer");
        }
        require(segment == packet.segment_count() && segment <= net::max_segments, "a packet has all its segments");
    }
}

template <typename Act>
void HostilePair::let_go(Act act) {
    is_held_.reset();
    act();
    hold(held_);
    hold(aside_);
}

void HostilePair::look_at(Packet& packet) {
    const std::size_t length = packet.total_length();
    require(length != 0, "a received packet is not empty");
    const Offload offload = packet.offload();
    require(!offload.needs_checksum || std::size_t{offload.checksum_start} + offload.checksum_offset + 2 <= length,
            "a checksum's place is inside its packet");
    require(offload.segmentation == Segmentation::none || (offload.segment_size != 0 && offload.segment_size < length),
            "a packet that was put together is longer than its segments");
    static_cast<void>(packet.checksum());
    static_cast<void>(packet.hash());
}

void HostilePair::receive(std::size_t most) {
    let_go([&] {
        const std::size_t count = pair_.recv(held_, most);
        require(count == held_.size() && count <= most, "recv returns no more than was asked for");
        received_ += count;
    });
    for (Packet& packet : held_) look_at(packet);
}

void HostilePair::drop() {
    let_go([this] { pair_.recycle(held_); });
}

void HostilePair::send(std::size_t count, std::size_t length) {
    let_go([&] {
        pair_.allocate(held_, count, length);
        pair_.send(held_);
    });
}

void HostilePair::forward(bool with_requests) {
    if (with_requests)
        for (Packet& packet : held_) packet.request(packet.offload());
    let_go([&] { pair_.send(held_); });
}

void HostilePair::wait() { static_cast<void>(pair_.wait(0ns)); }

void HostilePair::deliver(unsigned which, std::uint32_t length, std::span<const std::byte> header) {
    receiveq_.fetch();
    std::vector<Found>& fetched = receiveq_.fetched();
    if (fetched.empty()) return;
    const auto chosen = fetched.begin() + which % fetched.size();
    const std::uint64_t offset = chosen->address - packet_memory_.iova().value;
    // Where the buffer really is one: the device may have forged it.
    if (offset <= packet_memory_.bytes().size() && header.size() <= packet_memory_.bytes().size() - offset)
        std::ranges::copy(header, packet_memory_.bytes().begin() + static_cast<std::ptrdiff_t>(offset));
    receiveq_.use(chosen->id, length, chosen->descriptors);
    fetched.erase(chosen);
}

void HostilePair::complete(unsigned which, std::uint32_t length) {
    transmitq_.fetch();
    std::vector<Found>& fetched = transmitq_.fetched();
    if (fetched.empty()) return;
    const auto chosen = fetched.begin() + which % fetched.size();
    transmitq_.use(chosen->id, length, chosen->descriptors);
    fetched.erase(chosen);
}

void HostilePair::scribble_on_packets(Input& input) noexcept {
    const std::span<std::byte> all = packet_memory_.bytes();
    const std::size_t offset = input.u16() % all.size();
    const auto bytes = input.bytes(std::min<std::size_t>(1 + input.below(32), all.size() - offset));
    std::ranges::copy(bytes, all.begin() + static_cast<std::ptrdiff_t>(offset));
}

void HostilePair::reset_device() {
    settle(Shape::suspended);
    settle(Shape::cleared);
    receiveq_.restart();
    transmitq_.restart();
    settle(Shape::active);
}

// As set_queue_pairs does with a pair that goes and comes back. VIRTIO 1.3, 2.6.1.
void HostilePair::reset_receiveq() {
    pair_.want(Shape::draining);
    if (!pair_.settled()) return pair_.want(Shape::active);  // the device keeps what it was given to send
    for (const Shape shape : {Shape::parked, Shape::returning}) settle(shape);
    settle(Shape::emptied);
    receiveq_.restart();
    for (const Shape shape : {Shape::refilled, Shape::active}) settle(shape);
}

void HostilePair::recover() {
    for (unsigned batch = 0; batch < 2; ++batch, lay_aside()) drop();
    reset_device();
    // What was delivered before the receiveq alone was reset may still be there.
    for (std::size_t i = 0; i <= form_.buffers && pair_.recv(held_, Batch::capacity) != 0; ++i) {
    }
    require(pair_.state() == PairState::active, "a reset mends a broken pair");
    std::array<std::byte, net::hash_header_size> header{};
    header[offsetof(virtio::NetHeader, num_buffers)] = std::byte{1};
    constexpr std::uint32_t bytes = 60;
    deliver(0, form_.header.size + bytes, std::span{header}.first(form_.header.size));
    receive(1);
    require(held_.size() == 1 && held_[0].bytes().size() == bytes, "after a reset a packet is received");
    forward(false);
    require(held_.empty(), "after a reset a packet is sent");
    complete(0, 0);
    const std::uint64_t completed = pair_.stats().tx_completed;
    pair_.transmitq().reclaim();
    require(pair_.stats().tx_completed == completed + 1, "after a reset a sent packet's buffer comes back");
    require(pair_.state() == PairState::active, "after a reset good traffic breaks nothing");
}

void HostilePair::close() {
    drop();
    pair_.abandon();
    pair_.receiveq().empty();
    const PairStats stats = pair_.stats();
    require(stats.tx_packets == stats.tx_completed + stats.tx_lost, "what was accepted was completed or is told lost");
    require(count_free() == form_.buffers, "every buffer comes back");
}

std::size_t HostilePair::count_free() const {
    std::size_t count = form_.buffers;
    static_cast<void>(pool_->take(count));
    return count;
}

}  // namespace vmq::fuzz
