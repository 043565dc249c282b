// Packets that carry pieces of the application's own memory: what goes out, and that each piece is told once.
#include <array>
#include <atomic>
#include <cstdlib>
#include <future>
#include <memory>
#include <random>

#include "tests/device/traffic.hpp"
#include "tests/unit/net/fixture.hpp"
#include "tests/unit/net/ip_packet.hpp"

namespace vmq {
namespace {

using software::Frame;
using software::make_frame;
using virtio::Feature;

struct Case {
    bool packed = false;
    bool indirect = false;
    bool offloads = false;
};

// Pieces of a size, one behind the other, and how often each was told.
class Memory {
public:
    static constexpr std::size_t pages = 64;
    static constexpr std::size_t page = 4096;

    Memory() : data_(static_cast<std::byte*>(std::aligned_alloc(page, pages * page)), &std::free) {
        std::minstd_rand random(7);
        for (std::byte& byte : bytes()) byte = static_cast<std::byte>(random());
    }
    [[nodiscard]] std::span<std::byte> bytes() const { return {data_.get(), pages * page}; }
    [[nodiscard]] std::span<std::byte> page_of(std::size_t i) const { return bytes().subspan(i * page, page); }
    [[nodiscard]] SendDone done() {
        return {.told =
                    [](void* context, std::span<const std::byte> piece) noexcept {
                        auto& self = *static_cast<Memory*>(context);
                        const auto at = static_cast<std::size_t>(piece.data() - self.data_.get());
                        self.told_[at / page].fetch_add(1);
                        self.told_bytes_.fetch_add(piece.size());
                        ++self.all_told_;
                    },
                .context = this};
    }
    [[nodiscard]] unsigned told(std::size_t i) const { return told_[i].load(); }
    [[nodiscard]] std::uint64_t all_told() const { return all_told_.load(); }
    [[nodiscard]] std::uint64_t told_bytes() const { return told_bytes_.load(); }

private:
    std::unique_ptr<std::byte, decltype(&std::free)> data_;
    std::array<std::atomic<unsigned>, pages> told_{};
    std::atomic<std::uint64_t> all_told_{0};
    std::atomic<std::uint64_t> told_bytes_{0};
};

class NetAttach : public NetTest, public ::testing::WithParamInterface<Case> {
protected:
    [[nodiscard]] static software::NetConfig config() {
        software::NetConfig config;
        const Case& one = GetParam();
        if (one.offloads) config.features = config.features | software::send_offload_features;
        if (one.packed) config.features.add(Feature::ring_packed);
        if (one.indirect) config.features.add(Feature::indirect_desc);
        config.features.remove(Feature::guest_announce);
        return config;
    }
    // A packet whose first `front` bytes are its own, the others in pieces of registered memory, `each` bytes at most.
    Packet packet_of(QueuePair& pair, const RegisteredMemory& registered, const Frame& frame, std::size_t front,
                     std::size_t each) {
        Batch batch;
        EXPECT_TRUE(add_frame(pair, batch, Frame(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(front))));
        const auto rest = registered.bytes().first(frame.size() - front);
        std::copy(frame.begin() + static_cast<std::ptrdiff_t>(front), frame.end(), rest.begin());
        for (std::size_t at = 0; at < rest.size(); at += each)
            EXPECT_TRUE(
                pair.attach(batch[0], registered, rest.subspan(at, std::min(each, rest.size() - at)), memory.done()));
        return batch.take(0);
    }
    std::size_t send_one(QueuePair& pair, Packet packet) {
        Batch batch;
        EXPECT_TRUE(batch.push(std::move(packet)));
        return pair.send(batch);
    }
    // One with a page behind it.
    Packet with_page(QueuePair& pair, const RegisteredMemory& registered, std::size_t i, std::size_t length = 1000) {
        Batch batch;
        EXPECT_EQ(pair.allocate(batch, 1, 60), 1u);
        EXPECT_TRUE(pair.attach(batch[0], registered, memory.page_of(i).first(length), memory.done()));
        return batch.take(0);
    }
    void nothing_in_sight(QueuePair& pair) {
        Batch batch;
        EXPECT_EQ(pair.recv(batch), 0u);
    }

    Memory memory;
};

TEST_P(NetAttach, PiecesGoOutBehindThePacketsOwnBytes) {
    Device& opened = open(config());
    const RegisteredMemory registered = opened.register_memory(memory.bytes());
    EXPECT_EQ(registered.bytes().data(), memory.bytes().data());
    QueuePair pair = opened.take_queue_pair(0);
    std::uint64_t attached = 0;
    for (unsigned round = 0; round < 200; ++round) {
        const Frame frame = make_frame({1, round}, 200 + round * 6);
        const std::size_t front = 42 + round % 100;
        const std::size_t each = (frame.size() - front) / 63 + 1 + round % 50 * 4;
        Packet packet = packet_of(pair, registered, frame, front, each);
        EXPECT_EQ(packet.total_length(), frame.size());
        EXPECT_EQ(bytes_of(packet), frame);
        EXPECT_EQ(send_one(pair, std::move(packet)), 1u);
        EXPECT_GT(registered.in_use(), 0u);
        device->step();
        EXPECT_EQ(device->take_transmitted(0), std::vector<Frame>{frame});
        nothing_in_sight(pair);  // by which they come back at once
        EXPECT_EQ(registered.in_use(), 0u);
        attached += frame.size() - front;
        EXPECT_EQ(memory.told_bytes(), attached);
        EXPECT_EQ(stats(0).tx_attached_bytes, attached);
    }
    EXPECT_GT(memory.all_told(), 1000u);
    EXPECT_EQ(stats(0).tx_completed, stats(0).tx_packets);
    EXPECT_EQ(stats(0).tx_rejected, 0u);
}

TEST_P(NetAttach, PiecesAreToldWhenTheDeviceHasReadThemAndNotBefore) {
    Device& opened = open(config());
    const RegisteredMemory registered = opened.register_memory(memory.bytes());
    QueuePair pair = opened.take_queue_pair(0);
    device->with_lane(0, [](software::Lane& lane) { lane.completion.hold = true; });
    for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(send_one(pair, with_page(pair, registered, i)), 1u);
    device->step();
    nothing_in_sight(pair);
    EXPECT_EQ(memory.all_told(), 0u);
    EXPECT_EQ(registered.in_use(), 8u);
    device->with_lane(0, [](software::Lane& lane) { lane.transmitq.complete_held({}, 3); });
    Batch none;
    EXPECT_EQ(pair.send(none), 0u);
    for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(memory.told(i), i < 3 ? 1u : 0u) << i;
    device->with_lane(0, [](software::Lane& lane) { lane.transmitq.complete_held({}, 5); });
    EXPECT_EQ(pair.wait(0ns), WakeReason::ready);
    for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(memory.told(i), 1u) << i;
    EXPECT_EQ(pair.wait(0ns), WakeReason::timeout);
}

TEST_P(NetAttach, ASleeperIsWokenByPiecesThatComeBack) {
    Device& opened = open(config());
    const RegisteredMemory registered = opened.register_memory(memory.bytes());
    QueuePair pair = opened.take_queue_pair(0);
    EXPECT_EQ(send_one(pair, with_page(pair, registered, 5)), 1u);
    const auto later = std::async(std::launch::async, [&] {
        std::this_thread::sleep_for(20ms);
        device->step();
    });
    EXPECT_EQ(pair.wait(10s), WakeReason::ready);
    EXPECT_EQ(memory.told(5), 1u);
}

TEST_P(NetAttach, WhatIsDroppedIsToldAtOnce) {
    Device& opened = open(config());
    const RegisteredMemory registered = opened.register_memory(memory.bytes());
    QueuePair pair = opened.take_queue_pair(0);
    { const Packet dropped = with_page(pair, registered, 0); }
    EXPECT_EQ(memory.told(0), 1u);
    Batch batch;
    ASSERT_TRUE(batch.push(with_page(pair, registered, 1)));
    batch.clear();
    EXPECT_EQ(memory.told(1), 1u);
    ASSERT_TRUE(batch.push(with_page(pair, registered, 2)));
    pair.recycle(batch);
    EXPECT_EQ(memory.told(2), 1u);
    ASSERT_TRUE(batch.push(with_page(pair, registered, 3)));
    pair.recv(batch);
    EXPECT_EQ(memory.told(3), 1u);
    // Longer than the MTU, without a request.
    EXPECT_EQ(send_one(pair, with_page(pair, registered, 4, 2000)), 1u);
    EXPECT_EQ(stats(0).tx_rejected, 1u);
    EXPECT_EQ(memory.told(4), 1u);
    std::async(std::launch::async, [dropped = with_page(pair, registered, 5)] {}).wait();
    EXPECT_EQ(memory.told(5), 1u);
    EXPECT_EQ(memory.all_told(), 6u);
    EXPECT_EQ(registered.in_use(), 0u);
    EXPECT_EQ(stats(0).tx_attached_bytes, 0u);
}

TEST_P(NetAttach, WhatCannotBeAttachedChangesNothing) {
    options.ring_size = 32;
    options.buffers_per_pair = 256;
    Device& opened = open(config());
    const RegisteredMemory registered = opened.register_memory(memory.bytes());
    software::NetDevice stranger;
    {
        Options others = options;
        Device another = DeviceFactory::open(stranger.transport(), others);
        const RegisteredMemory foreign = another.register_memory(memory.bytes());
        QueuePair pair = opened.take_queue_pair(0);
        Batch batch;
        ASSERT_EQ(pair.allocate(batch, 2, 60), 2u);
        Packet& packet = batch[0];
        const auto all = memory.bytes();
        std::array<std::byte, 10> elsewhere{};
        EXPECT_FALSE(pair.attach(packet, registered, {}, memory.done()));
        EXPECT_FALSE(pair.attach(packet, registered, elsewhere, memory.done()));
        EXPECT_FALSE(pair.attach(packet, registered, {all.data() + all.size() - 5, 6}, memory.done()));
        EXPECT_FALSE(pair.attach(packet, registered, {all.data() - 1, 6}, memory.done()));
        EXPECT_FALSE(pair.attach(packet, foreign, all.first(10), memory.done())) << "of another device";
        Packet empty;
        EXPECT_FALSE(pair.attach(empty, registered, all.first(10), memory.done()));
        EXPECT_EQ(packet.segment_count(), 1u);
        EXPECT_TRUE(pair.attach(packet, registered, all.last(1), memory.done()));
        for (unsigned i = 2; i < 64; ++i) EXPECT_TRUE(pair.attach(packet, registered, all.first(1), memory.done()));
        EXPECT_FALSE(pair.attach(packet, registered, all.first(1), memory.done())) << "64 segments";
        EXPECT_TRUE(pair.attach(batch[1], registered, all.first(1), memory.done()));
        EXPECT_FALSE(pair.attach(batch[1], registered, all.first(1), memory.done())) << "twice the ring";
        EXPECT_EQ(memory.all_told(), 0u);
        batch.clear();
        EXPECT_EQ(memory.all_told(), 64u);
    }
    for (const std::string& text : stranger.violations()) ADD_FAILURE() << text;
}

// Also when all of it is in flight: what the device has read comes back first.
TEST_P(NetAttach, PiecesOfAStreamAreUsedAgain) {
    options.ring_size = 32;
    options.buffers_per_pair = 256;
    Device& opened = open(config());
    const RegisteredMemory registered = opened.register_memory(memory.bytes());
    QueuePair pair = opened.take_queue_pair(0);
    for (unsigned i = 0; i < 1000; ++i) {
        EXPECT_EQ(send_one(pair, with_page(pair, registered, i % 64)), 1u);
        device->step();
    }
    nothing_in_sight(pair);
    EXPECT_EQ(memory.all_told(), 1000u);
    EXPECT_EQ(device->take_transmitted(0).size(), 1000u);
}

TEST_P(NetAttach, RequestsWorkOnPieces) {
    Device& opened = open(config());
    const RegisteredMemory registered = opened.register_memory(memory.bytes());
    QueuePair pair = opened.take_queue_pair(0);
    const IpPacket checked{.payload = 1200};
    Packet packet = packet_of(pair, registered, checked.bytes(), checked.headers(), 500);
    packet.request({.needs_checksum = true});
    EXPECT_EQ(send_one(pair, std::move(packet)), 1u);
    device->step();
    EXPECT_EQ(device->take_transmitted(0), std::vector<Frame>{checked.with_whole_checksum()});

    const IpPacket large{.payload = 60000};
    packet = packet_of(pair, registered, large.bytes(), large.headers(), 16384);
    EXPECT_EQ(packet.segment_count(), 5u);
    packet.request({.segmentation = Segmentation::tcpv4, .segment_size = 1400});
    EXPECT_EQ(send_one(pair, std::move(packet)), 1u);
    device->step();
    EXPECT_EQ(device->take_transmitted(0), software::carry_out(large.segment_header(1400), large.bytes()));
    nothing_in_sight(pair);
    EXPECT_EQ(memory.all_told(), 7u);
    EXPECT_EQ(stats(0).tx_attached_bytes, GetParam().offloads ? 61200u : 1200u) << "what is cut here is copied";
}

TEST_P(NetAttach, WhatIsInFlightAtAResetIsToldOnce) {
    Device& opened = open(config());
    const RegisteredMemory registered = opened.register_memory(memory.bytes());
    QueuePair pair = opened.take_queue_pair(0);
    for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(send_one(pair, with_page(pair, registered, i)), 1u);
    auto result = std::async(std::launch::async, [&] { opened.reset(); });
    Batch batch;
    while (result.wait_for(1ms) != std::future_status::ready) pair.recv(batch);
    result.get();
    for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(memory.told(i), 1u);
    EXPECT_EQ(stats(0).tx_lost, 10u);
    EXPECT_EQ(send_one(pair, with_page(pair, registered, 10)), 1u);
    device->step();
    nothing_in_sight(pair);
    EXPECT_EQ(memory.told(10), 1u) << "the mapping outlives a reset";
    EXPECT_EQ(device->take_transmitted(0).size(), 1u);
    EXPECT_EQ(registered.in_use(), 0u);
}

TEST_P(NetAttach, WhatIsInFlightWhenTheDeviceIsClosedIsToldOnce) {
    Device& opened = open(config());
    {
        QueuePair pair = opened.take_queue_pair(0);
        const RegisteredMemory registered = opened.register_memory(memory.bytes());
        for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(send_one(pair, with_page(pair, registered, i)), 1u);
    }
    device->step();
    EXPECT_EQ(device->take_transmitted(0).size(), 10u) << "it stays mapped for what is in flight";
    EXPECT_EQ(memory.all_told(), 0u);
    vmq.reset();
    for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(memory.told(i), 1u);
    EXPECT_EQ(device->memory().live_blocks(), 0u);
}

TEST_P(NetAttach, ABrokenTransmitqTellsWhenItIsReset) {
    Device& opened = open(config());
    const RegisteredMemory registered = opened.register_memory(memory.bytes());
    QueuePair pair = opened.take_queue_pair(0);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(send_one(pair, with_page(pair, registered, i)), 1u);
    device->with_lane(0, [](software::Lane& lane) { lane.transmit_ring.write_used(4096, 0); });
    nothing_in_sight(pair);
    EXPECT_EQ(pair.status(), PairState::broken);
    EXPECT_EQ(pair.wait(1ms), WakeReason::stopped);
    EXPECT_EQ(memory.all_told(), 0u);
    auto result = std::async(std::launch::async, [&] { opened.reset(); });
    Batch batch;
    while (result.wait_for(1ms) != std::future_status::ready) pair.recv(batch);
    result.get();
    EXPECT_EQ(memory.all_told(), 4u);
}

TEST_P(NetAttach, AParkedPairsGoOutThroughAnother) {
    options.queue_pairs = 2;
    Device& opened = open(config());
    const RegisteredMemory registered = opened.register_memory(memory.bytes());
    QueuePair second = opened.take_queue_pair(1);
    const Owner first(opened, 0, [](QueuePair& pair) {
        Batch batch;
        pair.recv(batch);
        std::this_thread::yield();
    });
    auto shrunk = std::async(std::launch::async, [&] { opened.set_queue_pairs(1); });
    Batch batch;
    while (shrunk.wait_for(1ms) != std::future_status::ready) second.recv(batch);
    shrunk.get();
    for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(send_one(second, with_page(second, registered, i)), 1u);
    EXPECT_TRUE(eventually([&] {
        device->step();
        return memory.all_told() == 20;
    }));
    for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(memory.told(i), 1u);
    EXPECT_EQ(device->take_transmitted(0).size(), 20u);
    EXPECT_EQ(stats(0).tx_attached_bytes, 20'000u);
    EXPECT_EQ(stats(1).tx_relayed, 20u);
}

// A running device, resets in between, and packets that are dropped elsewhere: nothing is told twice or never.
TEST_P(NetAttach, EveryPieceIsToldOnceWhateverHappens) {
    Device& opened = open(config());
    const RegisteredMemory registered = opened.register_memory(memory.bytes());
    const RunningDevice running(*device, 1);
    std::atomic<std::uint64_t> attached{0};
    {
        const Owner owner(opened, 0, [&, turn = 0u](QueuePair& pair) mutable {
            Batch batch;
            pair.allocate(batch, 16, 60);
            for (Packet& packet : batch)
                if (pair.attach(packet, registered, memory.page_of(turn++ % 64).first(900), memory.done()))
                    attached.fetch_add(1);
            if (turn % 7 == 0 && !batch.empty()) std::jthread([dropped = batch.take(0)] {});
            pair.send(batch);
            pair.wait(1ms);
            batch.clear();
            static_cast<void>(device->take_transmitted(0));
        });
        for (unsigned i = 0; i < 10; ++i) {
            std::this_thread::sleep_for(20ms);
            opened.reset();
        }
    }
    QueuePair pair = opened.take_queue_pair(0);
    EXPECT_TRUE(eventually([&] {
        nothing_in_sight(pair);
        return registered.in_use() == 0;
    }));
    EXPECT_GT(attached.load(), 500u);
    EXPECT_EQ(memory.all_told(), attached.load());
}

TEST_P(NetAttach, MemoryThatIsNotWholePagesIsRefused) {
    Device& opened = open(config());
    std::string what;
    const auto code = error_of([&] { static_cast<void>(opened.register_memory(memory.bytes().subspan(1))); }, &what);
    EXPECT_EQ(code, std::errc::invalid_argument) << what;
}

std::vector<Case> cases() {
    std::vector<Case> all;
    for (const bool packed : {false, true})
        for (const bool indirect : {false, true})
            for (const bool offloads : {false, true}) all.push_back({packed, indirect, offloads});
    return all;
}

std::string case_name(const ::testing::TestParamInfo<Case>& test) {
    const Case& one = test.param;
    return std::string{one.packed ? "Packed" : "Split"} + (one.indirect ? "Indirect" : "") +
           (one.offloads ? "Offloads" : "");
}

INSTANTIATE_TEST_SUITE_P(Devices, NetAttach, ::testing::ValuesIn(cases()), case_name);

}  // namespace
}  // namespace vmq
