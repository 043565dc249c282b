// A vmq::Device opened on the software device, and what the tests of the driver's packets and queue pairs share.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <vmq/device.hpp>

#include "driver/device_factory.hpp"
#include "tests/device/net_device.hpp"

namespace vmq {

using namespace std::chrono_literals;

inline software::NetConfig without(software::NetConfig config, virtio::Feature feature) {
    config.features.remove(feature);
    return config;
}

// Packets put into a batch, and got out of one.
inline bool add_frame(QueuePair& pair, Batch& batch, const software::Frame& frame) {
    if (pair.allocate(batch, 1) != 1) return false;
    const auto bytes = batch[batch.size() - 1].append(frame.size());
    if (bytes.size() != frame.size()) return false;
    std::ranges::copy(frame, bytes.begin());
    return true;
}

inline software::Frame bytes_of(Packet& packet) {
    software::Frame frame;
    for (std::size_t i = 0; i < packet.segment_count(); ++i) {
        const auto segment = packet.segment(i);
        frame.insert(frame.end(), segment.begin(), segment.end());
    }
    return frame;
}

inline void send_all(QueuePair& pair, Batch& batch, const std::function<void()>& meanwhile) {
    for (int i = 0; i < 10'000 && !batch.empty(); ++i)
        if (pair.send(batch) == 0) meanwhile();
    ASSERT_TRUE(batch.empty());
}

template <typename Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit = 10s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(200us);
    }
    return true;
}

template <typename Action>
std::error_code error_of(Action action, std::string* what = nullptr) {
    try {
        action();
    } catch (const std::system_error& error) {
        if (what != nullptr) *what = error.what();
        return error.code();
    }
    return {};
}

// A thread that owns a pair and does something with it, over and over.
class Owner {
public:
    using Turn = std::function<void(QueuePair&)>;

    Owner(Device& device, unsigned pair, Turn turn)
        : thread_([&device, pair, turn = std::move(turn), this](const std::stop_token& stop) {
              QueuePair taken = device.take_queue_pair(pair);
              has_pair_.store(true);
              while (!stop.stop_requested()) turn(taken);
          }) {
        while (!has_pair_.load()) std::this_thread::yield();
    }

private:
    std::atomic<bool> has_pair_{false};
    std::jthread thread_;
};

// The device's own threads with a backend that lives as long as the test's scope, also when an assertion leaves it.
class RunningDevice {
public:
    RunningDevice(software::NetDevice& device, unsigned threads) : device_(device) { device.start_threads(threads); }
    RunningDevice(const RunningDevice&) = delete;
    RunningDevice& operator=(const RunningDevice&) = delete;
    ~RunningDevice() { stop(); }
    void stop() { device_.stop_threads(); }

private:
    software::NetDevice& device_;
};

// Receives, and drops what it gets.
inline void drop_packets(QueuePair& pair) {
    Batch batch;
    if (pair.recv(batch) == 0) pair.wait(20ms);
}

class NetTest : public ::testing::Test {
protected:
    NetTest() {
        options.placement = PlacementPolicy::none;
        options.pin_threads = false;
        options.control_socket = std::nullopt;
        options.command_deadline = 1s;  // a loaded machine
        options.settle_limit = 0ms;
        options.queue_pairs = 1;
        options.log = [this](LogLevel, std::string_view line) {
            const std::scoped_lock lock{log_mutex_};
            log_.emplace_back(line);
        };
    }

    // Makes the device as `config` says and opens it.
    Device& open(software::NetConfig config = {}) {
        vmq.reset();
        device.emplace(std::move(config));
        return vmq.emplace(DeviceFactory::open(device->transport(), options));
    }
    std::error_code open_error(software::NetConfig config, std::string* what = nullptr) {
        device.emplace(std::move(config));
        return error_of([&] { static_cast<void>(DeviceFactory::open(device->transport(), options)); }, what);
    }

    void TearDown() override {
        vmq.reset();
        if (!device) return;
        for (const std::string& text : device->violations()) ADD_FAILURE() << text;
        EXPECT_EQ(device->memory().live_blocks(), 0u) << "memory that the driver did not give back";
    }

    [[nodiscard]] PairStats stats(unsigned pair) const { return vmq->stats().pairs.at(pair); }
    [[nodiscard]] bool logged(const std::string& words) {
        const std::scoped_lock lock{log_mutex_};
        return std::ranges::any_of(log_,
                                   [&](const std::string& line) { return line.find(words) != std::string::npos; });
    }

    Options options;
    std::optional<software::NetDevice> device;
    std::optional<Device> vmq;

private:
    std::mutex log_mutex_;
    std::vector<std::string> log_;
};

}  // namespace vmq
