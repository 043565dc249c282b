// The software device on threads of its own, with generated traffic that a bare driver sends back.
#include <poll.h>
#include <thread>

#include <gtest/gtest.h>

#include "tests/device/traffic.hpp"
#include "tests/unit/device/bare_driver.hpp"

namespace vmq::software {
namespace {

// Sends each received packet back on its pair, sleeping on the receive vector in between.
void echo(BareDriver& driver, unsigned pair, const std::stop_token& stop) {
    driver.fill_receiveq(pair);
    std::uint16_t buffer = 0;
    while (!stop.stop_requested()) {
        while (driver.transmitq(pair).ring->take_used()) continue;
        if (driver.transmitq(pair).ring->free == 0) continue;
        if (const auto received = driver.receive(pair)) {
            driver.send(pair, received->bytes, buffer);
            buffer = static_cast<std::uint16_t>((buffer + 1) % 16);
        } else if (driver.receiveq(pair).ring->arm()) {
            pollfd vector{.fd = driver.vectors[2 * pair].fd(), .events = POLLIN, .revents = 0};
            ::poll(&vector, 1, 50);
            static_cast<void>(driver.vectors[2 * pair].drain());
        }
    }
}

class DeviceThreads : public ::testing::TestWithParam<std::tuple<BareRings, unsigned>> {};

TEST_P(DeviceThreads, EveryPacketComesBackOnce) {
    virtio::FeatureSet features = std::get<0>(GetParam()).features();
    features.remove(virtio::Feature::mrg_rxbuf);
    NetDevice device{{.features = features}};
    BareDriver driver{device, {.features = features}};
    Traffic traffic{device, {.flows = 8, .window = 4, .packets_per_flow = 500, .length = 100}};
    device.start_threads(std::get<1>(GetParam()));
    driver.command_pairs(2);
    std::optional<int> answer;
    for (int i = 0; i < 2000 && !(answer = driver.answer()); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    ASSERT_EQ(answer, 0);
    {
        std::vector<std::jthread> echoes;
        for (unsigned pair = 0; pair < 2; ++pair)
            echoes.emplace_back([&driver, pair](const std::stop_token& stop) { echo(driver, pair, stop); });
        device.set_backend(&traffic);
        for (int i = 0; i < 20000 && traffic.returned() < 8 * 500; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    EXPECT_EQ(traffic.sent(), 8u * 500);
    EXPECT_EQ(traffic.returned(), 8u * 500);
    EXPECT_EQ(traffic.doubled(), 0u);
    EXPECT_EQ(traffic.strangers(), 0u);
    EXPECT_GT(traffic.returned_on(0), 0u);
    EXPECT_GT(traffic.returned_on(1), 0u);
    device.stop_threads();
    EXPECT_TRUE(device.violations().empty()) << device.violations()[0];
}

INSTANTIATE_TEST_SUITE_P(Rings, DeviceThreads,
                         ::testing::Combine(::testing::ValuesIn(all_bare_rings), ::testing::Values(1, 2)),
                         [](const auto& test) {
                             return std::get<0>(test.param).name() + "By" + std::to_string(std::get<1>(test.param));
                         });

}  // namespace
}  // namespace vmq::software
