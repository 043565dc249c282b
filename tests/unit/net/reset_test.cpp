// A device that is reset while it is used: everything is as before, but for what was in flight.
#include <future>
#include <vector>

#include "tests/unit/net/resize_fixture.hpp"

namespace vmq {
namespace {

using software::ControlBehaviour;
using software::make_frame;
using virtio::Feature;

class NetReset : public NetResize {
protected:
    void SetUp() override {
        NetResize::SetUp();
        options.queue_pairs = 2;
    }
    std::error_code reset(std::string* what = nullptr) {
        return error_of([&] { vmq->reset(); }, what);
    }
    // With owners that call in meanwhile.
    template <typename... Pairs>
    std::error_code reset_beside(Pairs&... pairs) {
        auto result = std::async(std::launch::async, [&] { return reset(); });
        Batch batch;
        while (result.wait_for(1ms) != std::future_status::ready) (static_cast<void>(pairs.recv(batch)), ...);
        return result.get();
    }
};

TEST_F(NetReset, EverySettingIsAsBefore) {
    software::NetConfig config;
    config.features.add(Feature::rss);
    open(config);
    vmq->set_queue_pairs(3);
    vmq->set_rss({.weights = {1, 0, 3}});
    const RssConfig before = device->rss();
    EXPECT_FALSE(reset());
    expect_pairs(3);
    EXPECT_EQ(device->pairs_in_use(), 3u);
    EXPECT_EQ(device->rss().table, before.table);
    EXPECT_EQ(device->rss().key, before.key);
    EXPECT_EQ(device->rss().hash_types, before.hash_types);
    EXPECT_EQ(vmq->stats().resets, 1u);
    EXPECT_TRUE(vmq->info().link_up);
    for (unsigned index = 0; index < 3; ++index) {
        QueuePair pair = vmq->take_queue_pair(index);
        expect_works(pair, index);
    }
}

TEST_F(NetReset, WhatWasInFlightIsLostAndCounted) {
    open();
    QueuePair pair = vmq->take_queue_pair(1);
    Batch batch;
    for (unsigned i = 0; i < 5; ++i) ASSERT_TRUE(add_frame(pair, batch, make_frame({1, i}, 60)));
    ASSERT_EQ(pair.send(batch), 5u);
    auto result = std::async(std::launch::async, [&] { return reset(); });
    while (pair.status() != PairState::suspended) std::this_thread::yield();
    for (unsigned i = 0; i < 3; ++i) ASSERT_TRUE(device->inject(1, make_frame({1, i}, 60)));
    while (result.wait_for(1ms) != std::future_status::ready) EXPECT_EQ(pair.recv(batch), 0u);
    EXPECT_FALSE(result.get());
    EXPECT_EQ(stats(1).tx_lost, 5u);
    EXPECT_EQ(stats(1).rx_lost, 3u);
    expect_works(pair, 1);
}

TEST_F(NetReset, AnOwnerThatNeverCallsInIsNamedAndNothingHappens) {
    open();
    QueuePair pair = vmq->take_queue_pair(1);
    std::string what;
    EXPECT_EQ(reset(&what), make_error_code(Errc::owner_timeout));
    EXPECT_NE(what.find("queue pair 1"), std::string::npos) << what;
    EXPECT_EQ(vmq->stats().resets, 0u);
    expect_works(pair, 1);
    EXPECT_FALSE(reset_beside(pair));
    expect_works(pair, 1);
}

TEST_F(NetReset, ABrokenPairWorksAgain) {
    open();
    QueuePair pair = vmq->take_queue_pair(1);
    Batch batch;
    device->with_lane(1, [](software::Lane& lane) { lane.receive_ring.write_used(12'345, 60); });
    EXPECT_EQ(pair.recv(batch), 0u);
    EXPECT_EQ(pair.status(), PairState::broken);
    EXPECT_FALSE(reset_beside(pair));
    expect_pairs(2);
    expect_works(pair, 1);
}

TEST_F(NetReset, AnUnusableControlQueueWorksAgain) {
    open();
    device->set_control({.answer = ControlBehaviour::Answer::withhold});
    EXPECT_EQ(resize(3), make_error_code(Errc::device_timeout));
    EXPECT_EQ(resize(3), make_error_code(Errc::control_queue_unusable));
    device->set_control({});
    EXPECT_FALSE(reset());
    EXPECT_FALSE(resize(3));
    expect_pairs(3);
}

TEST_F(NetReset, ADeviceThatDoesNotBecomeResetIsTriedAgain) {
    open();
    device->refuse_resets(true);
    EXPECT_EQ(reset(), make_error_code(Errc::device_timeout));
    EXPECT_FALSE(vmq->info().link_up);
    EXPECT_EQ(resize(1), make_error_code(Errc::device_removed));
    EXPECT_TRUE(eventually([&] { return logged("reset of the software device"); }));
    device->refuse_resets(false);
    EXPECT_TRUE(eventually([&] { return vmq->stats().resets == 1; }));
    QueuePair pair = vmq->take_queue_pair(1);
    expect_works(pair, 1);
}

TEST_F(NetReset, ACommandThatIsRefusedOnTheWayBackIsTriedAgain) {
    open();
    device->set_control({.answer = ControlBehaviour::Answer::refuse});
    EXPECT_EQ(reset(), make_error_code(Errc::device_refused));
    EXPECT_EQ(vmq->stats().resets, 0u);
    device->set_control({});
    EXPECT_TRUE(eventually([&] { return vmq->stats().resets == 1; }));
    expect_pairs(2);
}

TEST_F(NetReset, AgainAndAgainUnderTraffic) {
    options.queue_pairs = 4;
    open();
    RunningDevice running{*device, 2};
    std::vector<std::unique_ptr<Owner>> owners;
    for (unsigned index = 0; index < 4; ++index) {
        owners.push_back(std::make_unique<Owner>(*vmq, index, [](QueuePair& pair) {
            Batch batch;
            pair.recv(batch);
            pair.allocate(batch, 8, 60);
            for (Packet& packet : batch) std::ranges::fill(packet.bytes(), std::byte{0x42});
            pair.send(batch);
            std::this_thread::sleep_for(100us);
        }));
    }
    for (unsigned i = 1; i <= 30; ++i) {
        const Stats before = vmq->stats();
        ASSERT_FALSE(reset());
        ASSERT_EQ(vmq->stats().resets, i);
        ASSERT_TRUE(eventually([&] {
            const Stats now = vmq->stats();
            for (unsigned index = 0; index < 4; ++index)
                if (now.pairs[index].tx_completed == before.pairs[index].tx_completed) return false;
            return true;
        }));
        for (unsigned index = 0; index < 4; ++index) static_cast<void>(device->take_transmitted(index));
    }
    owners.clear();
    for (const PairStats& pair : vmq->stats().pairs) {
        EXPECT_LE(pair.tx_packets - pair.tx_completed - pair.tx_lost, 64u) << "what lies in the ring";
        EXPECT_EQ(pair.tx_faults + pair.rx_faults, 0u);
    }
    running.stop();
}

}  // namespace
}  // namespace vmq
