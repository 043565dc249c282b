// A queue pair and the hostile device behind it, both in one thread, and what must hold of the pair whatever the device
// does: nothing is delivered twice, every buffer comes back, what was accepted is completed or reported lost.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <vmq/packet.hpp>

#include "driver/net/pair_core.hpp"
#include "tests/fuzz/harness/input.hpp"
#include "tests/fuzz/targets/hostile_memory.hpp"
#include "tests/fuzz/targets/hostile_queue.hpp"

namespace vmq::fuzz {

// What a pair is made of.
struct PairForm {
    virtio::RingFormat format;
    net::HeaderForm header;
    virtio::FeatureSet features;
    bool mergeable = false;
    bool indirect = false;
    std::uint16_t ring_size = 8;
    unsigned buffers = 32;
    unsigned buffer_size = 256;
    std::uint32_t max_packet_bytes = 1514;
};

class HostilePair {
public:
    static constexpr unsigned max_buffers = 128;

    explicit HostilePair(const PairForm& form);

    // The application.
    void receive(std::size_t most);
    void drop();
    void lay_aside() noexcept { std::swap(held_, aside_); }
    void send(std::size_t count, std::size_t length);
    void forward(bool with_requests);
    void wait();

    // The device. Of the used buffers each takes one, from a list in which `which` chooses.
    void deliver(unsigned which, std::uint32_t length, std::span<const std::byte> header);
    void complete(unsigned which, std::uint32_t length);
    [[nodiscard]] HostileQueue& receiveq() noexcept { return receiveq_; }
    [[nodiscard]] HostileQueue& transmitq() noexcept { return transmitq_; }
    void scribble_on_packets(Input& input) noexcept;

    // The control thread.
    void reset_device();
    void reset_receiveq();

    // After whatever happened: resets the device, and then a packet must pass in each direction.
    void recover();
    // The end: every buffer is back.
    void close();

    [[nodiscard]] std::uint64_t packets() const noexcept { return received_ + pair_.stats().tx_completed; }

private:
    void settle(net::Shape shape);
    void hold(Batch& batch);
    template <typename Act>
    void let_go(Act act);
    [[nodiscard]] std::size_t index_of(const net::Buffer& buffer) const;
    [[nodiscard]] bool inside(std::span<const std::byte> bytes, const net::Buffer& buffer) const;
    void look_at(Packet& packet);
    [[nodiscard]] std::size_t count_free() const;

    PairForm form_;
    Memory receive_ring_;
    Memory transmit_ring_;
    Memory packet_memory_;
    net::PairCore pair_;
    HostileQueue receiveq_;
    HostileQueue transmitq_;
    net::PacketPool* pool_ = nullptr;
    Batch held_;  // in the application's hands, as are the others
    Batch aside_;
    std::bitset<max_buffers> is_held_;  // by the buffer's index
    std::uint64_t received_ = 0;
};

}  // namespace vmq::fuzz
