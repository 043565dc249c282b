// The application that is killed.
#include "tests/crash/application.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include <vmq/device.hpp>

#include "driver/device_factory.hpp"
#include "driver/vhost/address.hpp"
#include "tests/crash/canary.hpp"

namespace vmq::crash {
namespace {

using namespace std::chrono_literals;

constexpr unsigned pairs = 2;
constexpr unsigned enough = 200;  // packets back on each pair

// Every byte of a packet is known: life, pair and number, and a pattern of them up to its length.
std::vector<std::byte> packet(std::uint64_t life, unsigned pair, std::uint64_t number) {
    std::vector<std::byte> bytes(64 + number % 1400);
    const std::array<std::uint64_t, 3> head{life, pair, number};
    std::memcpy(bytes.data(), head.data(), sizeof head);
    for (std::size_t i = sizeof head; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(life + number * 7 + i);
    return bytes;
}

class Traffic {
public:
    Traffic(Device& device, unsigned pair, std::uint64_t life, std::atomic<unsigned>& ready)
        : pair_(device.take_queue_pair(pair)), life_(life), ready_(ready) {}

    // Until the process ends; or a packet is wrong.
    void run() {
        while (send() && receive()) continue;
    }

private:
    bool send() {
        Batch batch;
        for (unsigned i = 0; i < 16; ++i) {
            const auto bytes = packet(life_, pair_.index(), sent_);
            if (pair_.allocate(batch, 1, bytes.size()) != 1) break;
            std::memcpy(batch[batch.size() - 1].bytes().data(), bytes.data(), bytes.size());
            ++sent_;
        }
        pair_.send(batch);
        sent_ -= batch.size();
        return true;
    }
    bool receive() {
        Batch batch;
        if (pair_.recv(batch) == 0) pair_.wait(1ms);
        for (Packet& got : batch) {
            std::uint64_t number = 0;
            const auto bytes = got.bytes();
            if (bytes.size() >= 24) std::memcpy(&number, bytes.data() + 16, sizeof number);
            const auto expected = packet(life_, pair_.index(), number);
            if (number != received_ || !std::ranges::equal(bytes, expected)) {
                std::printf("pair %u: packet %lu is not number %lu of this life\n", pair_.index(), number, received_);
                std::fflush(stdout);
                std::_Exit(1);
            }
            if (++received_ == enough) ++ready_;
        }
        return true;
    }

    QueuePair pair_;
    std::uint64_t life_;
    std::atomic<unsigned>& ready_;
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
};

}  // namespace

int run_application(const std::string& socket, std::uint64_t life) {
    Options options;
    options.queue_pairs = pairs;
    options.huge_pages = HugePages::never;
    options.pin_threads = false;
    options.ring_size = 256;
    options.buffers_per_pair = 1024;
    options.control_socket = socket + "-control";
    if (life % 2 == 0) options.refused_features = {"ring_packed"};
    const auto address = vhost::parse_address("vhost-user:" + socket);
    Device device = DeviceFactory::open(std::make_unique<CanaryTransport>(*address, options), options);
    std::atomic<unsigned> ready{0};
    std::vector<std::thread> threads;
    for (unsigned pair = 0; pair < pairs; ++pair)
        threads.emplace_back([&, pair] { Traffic{device, pair, life, ready}.run(); });
    while (ready < pairs) std::this_thread::sleep_for(1ms);
    std::printf("ready %zu\n", CanaryTransport::canaries);
    std::fflush(stdout);
    for (std::thread& thread : threads) thread.join();
    return 1;
}

}  // namespace vmq::crash
