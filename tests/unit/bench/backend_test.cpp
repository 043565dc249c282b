// The benchmark's backend: exact counts, wrap-around, chains, interrupts and restarts, in every ring layout.
#include "tests/bench/backend/backend.hpp"

#include <array>
#include <cstring>
#include <poll.h>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/bench/frontend.hpp"

namespace vmq::bench {
namespace {

using virtio::Feature;
using virtio::FeatureSet;

constexpr std::uint32_t receiveq = 0;
constexpr std::uint32_t transmitq = 1;
constexpr std::uint32_t header_size = 12;
constexpr std::uint16_t device_writes = virtio::descriptor_flags::write;
constexpr int laps = 40;  // of the ring: more than once past 0xffff and both wrap counters

class RunningBackend {
public:
    explicit RunningBackend(BackendOptions options) : backend_(with_path(std::move(options))) {
        thread_ = std::thread{[this] { backend_.run(stop_.fd()); }};
    }
    ~RunningBackend() {
        stop_.signal();
        thread_.join();
    }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] const PairCounters& counters() const { return backend_.counters().at(0); }

private:
    BackendOptions with_path(BackendOptions options) {
        path_ = options.socket = testing::TempDir() + "vmq_backend_" + std::to_string(::getpid());
        options.yield = true;
        options.features = all_features();
        return options;
    }
    std::string path_;
    support::EventFd stop_;
    Backend backend_;
    std::thread thread_;
};

class BackendTest : public testing::TestWithParam<std::tuple<bool, bool, bool>> {
protected:
    static FeatureSet features() {
        const auto [packed, in_order, event_idx] = GetParam();
        FeatureSet set{Feature::version_1, Feature::indirect_desc, Feature::mrg_rxbuf};
        if (packed) set.add(Feature::ring_packed);
        if (in_order) set.add(Feature::in_order);
        if (event_idx) set.add(Feature::event_idx);
        return set;
    }
    static BackendOptions options(Mode mode) {
        BackendOptions options;
        options.mode = mode;
        options.burst = 5;  // does not divide the ring
        options.inject = 0;
        return options;
    }
    static void fill_receiveq(Frontend& frontend) {
        for (std::uint32_t i = 0; i < Frontend::ring_size; ++i) offer_receive(frontend, i);
    }
    static void offer_receive(Frontend& frontend, std::uint32_t i) {
        const std::array buffer{Piece{frontend.address(receiveq, i), Frontend::buffer_size}};
        frontend.rings[receiveq]->offer(buffer, device_writes);
    }
    static void offer_transmit(Frontend& frontend, std::uint32_t i, std::uint32_t length) {
        const std::array buffer{Piece{frontend.address(transmitq, i), header_size + length}};
        frontend.rings[transmitq]->offer(buffer, 0);
    }
    static void expect_ids_in_order(const std::vector<UsedBuffer>& buffers, std::size_t count, std::uint32_t first) {
        ASSERT_EQ(buffers.size(), count);
        for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(buffers[i].id, (first + i) % Frontend::ring_size);
    }
    // A packet whose bytes say which it is.
    static void write_packet(std::byte* at, std::size_t length, int seed) {
        for (std::size_t i = 0; i < length; ++i) at[i] = static_cast<std::byte>(seed * 7 + static_cast<int>(i));
    }
    static void expect_packet(const std::byte* at, std::size_t length, int seed) {
        for (std::size_t i = 0; i < length; ++i)
            ASSERT_EQ(at[i], static_cast<std::byte>(seed * 7 + static_cast<int>(i))) << "byte " << i;
    }
};

TEST_P(BackendTest, DropCompletesEveryBufferInOrder) {
    RunningBackend backend{options(Mode::drop)};
    Frontend frontend{backend.path(), features()};
    std::uint32_t next = 0;
    for (int lap = 0; lap < laps; ++lap) {
        const std::uint32_t count = lap % 3 == 0 ? Frontend::ring_size : static_cast<std::uint32_t>(lap % 7 + 1);
        for (std::uint32_t i = 0; i < count; ++i) offer_transmit(frontend, (next + i) % Frontend::ring_size, 100);
        expect_ids_in_order(frontend.take(transmitq, count), count, next);
        next += count;
    }
    frontend.stop(transmitq);  // the counters come after the completion
    EXPECT_EQ(backend.counters().received.value(), next);
    EXPECT_EQ(backend.counters().received_bytes.value(), next * 100);
    EXPECT_EQ(backend.counters().interrupts.value(), 0u);
}

TEST_P(BackendTest, FloodFillsWhatItIsGivenAndNoMore) {
    RunningBackend backend{options(Mode::flood)};
    Frontend frontend{backend.path(), features()};
    fill_receiveq(frontend);
    std::uint32_t next = 0;
    for (int lap = 0; lap < laps; ++lap) {
        const auto used = frontend.take(receiveq, Frontend::ring_size);
        expect_ids_in_order(used, Frontend::ring_size, next);
        for (const UsedBuffer& buffer : used) {
            EXPECT_EQ(buffer.length, header_size + 64);
            const auto* header = frontend.at(frontend.address(receiveq, buffer.id));
            EXPECT_EQ(reinterpret_cast<const virtio::NetHeader*>(header)->num_buffers.value(), 1);
        }
        for (std::uint32_t i = 0; i < Frontend::ring_size; ++i) offer_receive(frontend, i);
        next += Frontend::ring_size;
    }
    EXPECT_EQ(frontend.take(receiveq, Frontend::ring_size).size(), Frontend::ring_size);
    frontend.stop(receiveq);
    EXPECT_EQ(backend.counters().sent.value(), next + Frontend::ring_size);
}

TEST_P(BackendTest, ForwardBringsEveryPacketBack) {
    RunningBackend backend{options(Mode::forward)};
    Frontend frontend{backend.path(), features()};
    fill_receiveq(frontend);
    std::uint32_t next = 0;
    for (int lap = 0; lap < laps; ++lap) {
        const auto count = static_cast<std::uint32_t>(lap % Frontend::ring_size + 1);
        for (std::uint32_t i = 0; i < count; ++i) {
            const std::uint32_t slot = (next + i) % Frontend::ring_size;
            const std::uint32_t length = 60 + slot * 90;
            write_packet(frontend.at(frontend.address(transmitq, slot)) + header_size, length,
                         lap + static_cast<int>(i));
            offer_transmit(frontend, slot, length);
        }
        const auto received = frontend.take(receiveq, count);
        expect_ids_in_order(received, count, next);
        expect_ids_in_order(frontend.take(transmitq, count), count, next);
        for (std::uint32_t i = 0; i < count; ++i) {
            const std::uint32_t length = 60 + (next + i) % Frontend::ring_size * 90;
            EXPECT_EQ(received[i].length, header_size + length);
            const auto* packet = frontend.at(frontend.address(receiveq, received[i].id)) + header_size;
            expect_packet(packet, length, lap + static_cast<int>(i));
            offer_receive(frontend, received[i].id);
        }
        next += count;
    }
    frontend.stop(transmitq);
    EXPECT_EQ(backend.counters().received.value(), next);
    EXPECT_EQ(backend.counters().sent.value(), next);
    EXPECT_EQ(backend.counters().received_bytes.value(), backend.counters().sent_bytes.value());
}

TEST_P(BackendTest, ForwardGathersChainsAndIndirectTables) {
    RunningBackend backend{options(Mode::forward)};
    Frontend frontend{backend.path(), features()};
    fill_receiveq(frontend);
    const std::uint64_t buffer = frontend.address(transmitq, 0);
    const std::uint64_t table = frontend.address(transmitq, 1);
    const std::array pieces{Piece{buffer, header_size}, Piece{buffer + header_size, 30}, Piece{buffer + 500, 70}};
    const bool packed = std::get<0>(GetParam());
    for (std::uint16_t i = 0; i < pieces.size(); ++i) {
        const bool last = i + 1u == pieces.size();
        if (packed) {
            auto& entry = reinterpret_cast<virtio::PackedDescriptor*>(frontend.at(table))[i];
            entry.addr = pieces[i].address;
            entry.len = pieces[i].length;
        } else {
            auto& entry = reinterpret_cast<virtio::Descriptor*>(frontend.at(table))[i];
            entry.addr = pieces[i].address;
            entry.len = pieces[i].length;
            entry.flags = last ? std::uint16_t{0} : virtio::descriptor_flags::next;
            entry.next = static_cast<std::uint16_t>(i + 1);
        }
    }
    const std::array indirect{Piece{table, static_cast<std::uint32_t>(pieces.size() * 16)}};
    for (int i = 0; i < laps; ++i) {  // three descriptors at a time, and one: chains lie across the ring's end too
        std::byte packet[100];
        write_packet(packet, sizeof packet, i);
        std::memcpy(frontend.at(buffer) + header_size, packet, 30);
        std::memcpy(frontend.at(buffer) + 500, packet + 30, 70);
        if (i % 2 == 0) {
            frontend.rings[transmitq]->offer(pieces, 0);
        } else {
            frontend.rings[transmitq]->offer(indirect, virtio::descriptor_flags::indirect);
        }
        const auto received = frontend.take(receiveq, 1);
        ASSERT_EQ(received.size(), 1u);
        ASSERT_EQ(frontend.take(transmitq, 1).size(), 1u);
        EXPECT_EQ(received[0].length, header_size + sizeof packet);
        expect_packet(frontend.at(frontend.address(receiveq, received[0].id)) + header_size, sizeof packet, i);
        offer_receive(frontend, received[0].id);
    }
}

TEST_P(BackendTest, InterruptsOnlyWhereTheyAreAskedFor) {
    RunningBackend backend{options(Mode::drop)};
    Frontend frontend{backend.path(), features()};
    for (std::uint32_t i = 0; i < 3 * Frontend::ring_size; ++i) {
        frontend.rings[transmitq]->ask_for_interrupts(true);
        offer_transmit(frontend, i % Frontend::ring_size, 60);
        pollfd waiting{frontend.calls[transmitq].fd(), POLLIN, 0};
        ASSERT_EQ(::poll(&waiting, 1, 10'000), 1) << "packet " << i;
        EXPECT_EQ(frontend.calls[transmitq].drain(), 1u);
        ASSERT_EQ(frontend.take(transmitq, 1).size(), 1u);
    }
    frontend.rings[transmitq]->ask_for_interrupts(false);
    for (std::uint32_t i = 0; i < 3 * Frontend::ring_size; ++i) {
        offer_transmit(frontend, i % Frontend::ring_size, 60);
        ASSERT_EQ(frontend.take(transmitq, 1).size(), 1u);
    }
    frontend.stop(transmitq);
    EXPECT_EQ(backend.counters().interrupts.value(), 3 * Frontend::ring_size);
    EXPECT_EQ(frontend.calls[transmitq].drain(), 0u);
}

TEST_P(BackendTest, StoppedAndDisabledQueuesRestAndGoOn) {
    RunningBackend backend{options(Mode::drop)};
    Frontend frontend{backend.path(), features()};
    for (std::uint32_t i = 0; i < 5; ++i) offer_transmit(frontend, i, 60);
    ASSERT_EQ(frontend.take(transmitq, 5).size(), 5u);
    const std::uint32_t base = frontend.stop(transmitq);
    offer_transmit(frontend, 5, 60);
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    EXPECT_TRUE(frontend.rings[transmitq]->take().empty());
    frontend.start(transmitq, base);
    expect_ids_in_order(frontend.take(transmitq, 1), 1, 5);
    frontend.enable(transmitq, false);
    offer_transmit(frontend, 6, 60);
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    EXPECT_TRUE(frontend.rings[transmitq]->take().empty());
    frontend.enable(transmitq, true);
    expect_ids_in_order(frontend.take(transmitq, 1), 1, 6);
}

TEST_P(BackendTest, ServesOneFrontendAfterAnother) {
    RunningBackend backend{options(Mode::drop)};
    for (std::uint32_t round = 1; round <= 3; ++round) {
        Frontend frontend{backend.path(), features()};
        EXPECT_EQ(frontend.offered, all_features());
        EXPECT_EQ(frontend.ask(Request::get_queue_num), 1u);
        offer_transmit(frontend, 0, 60);
        ASSERT_EQ(frontend.take(transmitq, 1).size(), 1u);
        frontend.stop(transmitq);
        EXPECT_EQ(backend.counters().received.value(), round);
    }
}

TEST_P(BackendTest, InjectedPacketsAreAsManyAsWereAskedFor) {
    BackendOptions some = options(Mode::forward);
    some.inject = 7;
    RunningBackend backend{some};
    Frontend frontend{backend.path(), features()};
    fill_receiveq(frontend);
    const auto used = frontend.take(receiveq, 7);
    expect_ids_in_order(used, 7, 0);
    for (const UsedBuffer& buffer : used) EXPECT_EQ(buffer.length, header_size + 64);
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    EXPECT_TRUE(frontend.rings[receiveq]->take().empty());
}

std::string name_of(const testing::TestParamInfo<std::tuple<bool, bool, bool>>& info) {
    const auto [packed, in_order, event_idx] = info.param;
    return std::string(packed ? "packed" : "split") + (in_order ? "_in_order" : "") + (event_idx ? "_event_idx" : "");
}
INSTANTIATE_TEST_SUITE_P(Layouts, BackendTest, testing::Combine(testing::Bool(), testing::Bool(), testing::Bool()),
                         name_of);

}  // namespace
}  // namespace vmq::bench
