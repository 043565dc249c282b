// A whole device whose backend dies and comes back.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include <vmq/device.hpp>

#include "tests/unit/vhost/backend.hpp"
#include "tests/unit/vhost/errors.hpp"
#include "tests/unit/vhost/folder.hpp"

namespace vmq::vhost {
namespace {

using namespace std::chrono_literals;

class VhostRestart : public testing::Test {
protected:
    VhostRestart() {
        options.control_socket = std::nullopt;
        options.pin_threads = false;
        options.ring_size = 64;
        options.buffers_per_pair = 256;
        options.queue_pairs = 2;
        options.log = [this](LogLevel, std::string_view text) {
            const std::lock_guard lock{mutex};
            lines.emplace_back(text);
        };
    }
    void start(Script script = {}, bool connects = false) { backend.emplace(path, std::move(script), connects); }
    Device open(const std::string& words = "") { return Device::open("vhost-user:" + path + words, options); }
    bool eventually(const std::function<bool()>& condition) {
        for (const auto end = std::chrono::steady_clock::now() + 5s; std::chrono::steady_clock::now() < end;) {
            if (condition()) return true;
            std::this_thread::sleep_for(1ms);
        }
        return condition();
    }
    std::size_t count_lines(std::string_view part) {
        const std::lock_guard lock{mutex};
        return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [part](const std::string& line) {
            return line.find(part) != std::string::npos;
        }));
    }
    static std::size_t send(QueuePair& pair, std::size_t count) {
        Batch batch;
        pair.allocate(batch, count, 60);
        return pair.send(batch);
    }

    Folder folder;
    std::string path = folder.path() / "s";
    Options options;
    std::mutex mutex;
    std::vector<std::string> lines;
    std::optional<ScriptedBackend> backend;
};

TEST_F(VhostRestart, OpensWithTheWantedPairsAndFullReceiveqs) {
    start();
    const Device device = open();
    EXPECT_EQ(device.queue_pairs(), 2u);
    EXPECT_EQ(device.max_queue_pairs(), 4u);
    EXPECT_EQ(backend->enabled_pairs(), 2u);
    EXPECT_EQ(backend->available_index(0), 64);
    EXPECT_EQ(backend->available_index(2), 64);
    EXPECT_EQ(backend->available_index(4), 0);
    EXPECT_EQ(backend->region_count(), 1u);
    const Info info = device.info();
    EXPECT_EQ(info.name, "vhost-user:" + path);
    EXPECT_EQ(info.iommu_mode, "shared memory only");
    EXPECT_TRUE(info.control_queue_usable);
}

TEST_F(VhostRestart, CommandsThatOnlyAControlQueueCarriesAreNotOffered) {
    start();
    Device device = open();
    const struct {
        const char* feature;
        std::function<void()> command;
    } rows[] = {{"CTRL_RX", [&] { device.set_receive_mode({.promiscuous = false}); }},
                {"CTRL_RX", [&] { device.set_mac_filters({}); }},
                {"CTRL_MAC_ADDR",
                 [&] {
                     device.set_mac({2, 0, 0, 0, 0, 1});
                 }},
                {"CTRL_VLAN", [&] { device.add_vlan(1); }},
                {"NOTF_COAL", [&] { device.set_coalescing({}); }},
                {"VQ_NOTF_COAL", [&] { device.set_coalescing(0, {}); }},
                {"DEVICE_STATS", [&] { static_cast<void>(device.device_stats()); }}};
    for (const auto& row : rows) {
        const Caught refused = caught(row.command);
        EXPECT_EQ(refused.code, Errc::unsupported) << row.feature;
        EXPECT_TRUE(refused.says(std::string{"the device does not offer "} + row.feature)) << refused.text;
    }
    EXPECT_TRUE(device.info().receive_mode.promiscuous);
}

TEST_F(VhostRestart, ThePacketsInFlightAreLostAndCountedAndAllElseGoesOn) {
    start();
    Device device = open();
    QueuePair first = device.take_queue_pair(0);
    QueuePair second = device.take_queue_pair(1);
    EXPECT_EQ(send(first, 5), 5u);
    EXPECT_EQ(send(second, 3), 3u);
    EXPECT_EQ(backend->available_index(1), 5);
    backend.reset();

    // The owners call in, as they always do.
    Batch batch;
    ASSERT_TRUE(eventually([&] {
        first.recv(batch);
        second.recv(batch);
        return device.stats().pairs[0].tx_lost == 5 && device.stats().pairs[1].tx_lost == 3;
    }));
    EXPECT_FALSE(device.info().link_up);
    EXPECT_EQ(first.status(), PairState::suspended);
    EXPECT_EQ(send(first, 1), 0u);
    const Caught refused = caught([&] { device.set_queue_pairs(4); });
    EXPECT_TRUE(refused.says("the device is away")) << refused.text;

    start();
    ASSERT_TRUE(eventually([&] {
        first.recv(batch);
        second.recv(batch);
        return device.stats().reconnects == 1;
    }));
    EXPECT_TRUE(device.info().link_up);
    EXPECT_EQ(device.queue_pairs(), 2u);
    EXPECT_EQ(backend->enabled_pairs(), 2u);
    EXPECT_EQ(backend->available_index(0), 64);
    EXPECT_EQ(backend->available_index(1), 0);
    EXPECT_EQ(send(first, 7), 7u);
    EXPECT_EQ(backend->available_index(1), 7);
    EXPECT_EQ(device.stats().pairs[0].tx_lost, 5u);
    EXPECT_EQ(count_lines("link down"), 1u);
    EXPECT_EQ(count_lines("link up"), 1u);
    device.set_queue_pairs(4);
    EXPECT_EQ(backend->enabled_pairs(), 4u);
}

TEST_F(VhostRestart, NoBufferIsLostOverManyDeaths) {
    start();
    Device device = open();
    QueuePair pair = device.take_queue_pair(0);
    Batch batch;
    for (unsigned death = 1; death <= 20; ++death) {
        // All that the ring takes: with a lost buffer a death, the pool would run dry.
        std::size_t sent = 0;
        while (const std::size_t some = send(pair, 32)) sent += some;
        ASSERT_EQ(sent, 64u) << death;
        backend.reset();
        start();
        ASSERT_TRUE(eventually([&] {
            pair.recv(batch);
            return device.stats().reconnects == death;
        })) << death;
        ASSERT_EQ(backend->available_index(0), 64);
    }
    EXPECT_EQ(device.stats().pairs[0].tx_lost, 20u * 64);
}

TEST_F(VhostRestart, PairsWithoutAnOwnerComeBackToo) {
    start();
    const Device device = open();
    backend.reset();
    ASSERT_TRUE(eventually([&] { return !device.info().link_up; }));
    start();
    ASSERT_TRUE(eventually([&] { return device.stats().reconnects == 1; }));
    EXPECT_EQ(backend->enabled_pairs(), 2u);
    EXPECT_EQ(backend->available_index(2), 64);
}

TEST_F(VhostRestart, AnOwnerThatSleepsIsWokenAndSleepsOn) {
    start();
    Device device = open();
    std::atomic<bool> stop{false};
    std::atomic<WakeReason> reason{WakeReason::timeout};
    std::thread owner{[&] {
        QueuePair pair = device.take_queue_pair(0);
        while (!stop) reason = pair.wait(10s);
    }};
    ASSERT_TRUE(eventually([&] { return device.info().pairs[0].thread_id != 0; }));
    backend.reset();
    start();
    EXPECT_TRUE(eventually([&] { return device.stats().reconnects == 1; }));
    EXPECT_TRUE(eventually([&] { return reason == WakeReason::ready; }));
    stop = true;
    backend.reset();
    start();
    EXPECT_TRUE(eventually([&] { return device.stats().reconnects == 2; }));
    owner.join();
}

TEST_F(VhostRestart, ABackendThatComesBackWithLessIsNotTaken) {
    start();
    const Device device = open();
    backend.reset();
    Script poorer;
    poorer.features &= ~(std::uint64_t{1} << 15);
    start(poorer);
    ASSERT_TRUE(eventually([&] { return count_lines("lacks MRG_RXBUF") == 1; }));
    EXPECT_FALSE(device.info().link_up);
    backend.reset();
    Script fewer;
    fewer.queue_pairs = 2;
    start(fewer);
    ASSERT_TRUE(eventually([&] { return count_lines("has 2 queue pairs, not 4") == 1; }));
    backend.reset();
    start();
    ASSERT_TRUE(eventually([&] { return device.stats().reconnects == 1; }));
    EXPECT_TRUE(device.info().link_up);
}

TEST_F(VhostRestart, ABackendThatAcceptsAndIsSilentIsLeftForTheNext) {
    options.command_deadline = 100ms;
    start();
    const Device device = open();
    backend.reset();
    {
        Endpoint silent{{.path = path, .server = true}};
        ASSERT_TRUE(eventually([&] { return count_lines("GET_FEATURES: no answer in time") == 1; }));
    }
    start();
    ASSERT_TRUE(eventually([&] { return device.stats().reconnects == 1; }));
}

TEST_F(VhostRestart, AServerTakesTheNextBackend) {
    options.connect_deadline = 5s;
    std::thread connecting{[&] {
        std::this_thread::sleep_for(50ms);
        start({}, true);
    }};
    const Device device = open(",server");
    connecting.join();
    EXPECT_EQ(device.info().name, "vhost-user:" + path);
    for (unsigned death = 1; death <= 3; ++death) {
        backend.reset();
        start({}, true);
        ASSERT_TRUE(eventually([&] { return device.stats().reconnects == death; }));
        EXPECT_EQ(backend->enabled_pairs(), 2u);
    }
}

TEST_F(VhostRestart, ClosesWhileTheBackendIsAway) {
    start();
    {
        const Device device = open();
        backend.reset();
        ASSERT_TRUE(eventually([&] { return !device.info().link_up; }));
    }
    EXPECT_EQ(count_lines("reset before closing"), 0u);
}

// Nothing watches what such a device transmits, so a change does not wait for silence.
TEST_F(VhostRestart, AChangeOfPairsIsQuick) {
    start();
    Device device = open();
    device.set_queue_pairs(4);
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 20; ++i) device.set_queue_pairs(i % 2 == 0 ? 1 : 4);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
}

}  // namespace
}  // namespace vmq::vhost
