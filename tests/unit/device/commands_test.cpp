// The software device's control queue, and what it blames a driver for while the number of pairs changes.
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "tests/unit/device/bare_driver.hpp"

namespace vmq::software {
namespace {

using Answer = ControlBehaviour::Answer;

class DeviceCommands : public ::testing::TestWithParam<BareRings> {
protected:
    std::optional<int> set_pairs(std::uint16_t count) {
        driver.command_pairs(count);
        device.step();
        return driver.answer();
    }

    NetDevice device{{.features = GetParam().features(), .serve_control_queue = false}};
    BareDriver driver{device, {.features = GetParam().features()}};
    Frame frame = make_frame({.flow = 9, .sequence = 0}, 60);
};

TEST_P(DeviceCommands, ChangeTheNumberOfPairs) {
    EXPECT_EQ(set_pairs(2), 0);
    EXPECT_EQ(device.pairs_in_use(), 2u);
    driver.send(1, frame);
    device.step();
    EXPECT_EQ(device.take_transmitted(1).size(), 1u);
    EXPECT_EQ(device.steering().pair_for(9, 2), 1u);
    EXPECT_EQ(set_pairs(1), 0);
    EXPECT_EQ(device.pairs_in_use(), 1u);
    EXPECT_EQ(device.steering().pair_for(9, 1), 0u);
    EXPECT_TRUE(device.violations().empty()) << device.violations()[0];
    EXPECT_EQ(device.commands(), 2u);
}

TEST_P(DeviceCommands, WrongNumbersAreRefusedAndBlamed) {
    EXPECT_EQ(set_pairs(0), 1);
    EXPECT_EQ(set_pairs(5), 1);
    EXPECT_EQ(set_pairs(3), 1) << "pair 2 was not enabled";
    EXPECT_EQ(device.violations().size(), 3u);
    EXPECT_EQ(device.pairs_in_use(), 1u);
}

TEST_P(DeviceCommands, CanBeRefusedDelayedAndWithheld) {
    device.set_control({.answer = Answer::refuse});
    EXPECT_EQ(set_pairs(2), 1);
    EXPECT_EQ(device.pairs_in_use(), 1u);

    device.set_control({.delay = std::chrono::milliseconds{20}});
    EXPECT_EQ(set_pairs(2), std::nullopt);
    std::this_thread::sleep_for(std::chrono::milliseconds{25});
    device.step();
    EXPECT_EQ(driver.answer(), 0);

    device.set_control({.answer = Answer::withhold});
    EXPECT_EQ(set_pairs(1), std::nullopt);
    EXPECT_EQ(device.pairs_in_use(), 2u);
    EXPECT_TRUE(device.answer_withheld());
    EXPECT_EQ(driver.answer(), 0);
    EXPECT_EQ(device.pairs_in_use(), 1u);
    EXPECT_FALSE(device.answer_withheld());

    device.set_control({.acknowledgement = 99});
    EXPECT_EQ(set_pairs(1), 99);
    EXPECT_TRUE(device.violations().empty());
}

TEST_P(DeviceCommands, TransmittingOnAPairOutsideUseIsBlamed) {
    driver.send(1, frame);
    device.step();
    ASSERT_EQ(device.violations().size(), 1u);
    EXPECT_EQ(device.violations()[0], "transmitq1: packets queued beyond the queue pairs in force");
    EXPECT_TRUE(device.take_transmitted(1).empty());
}

TEST_P(DeviceCommands, TransmittingWhileTheCommandIsUnderWayIsBlamed) {
    ASSERT_EQ(set_pairs(2), 0);
    device.set_control({.answer = Answer::withhold});
    driver.send(1, frame, 0);  // before the command: rightful, and transmitted
    driver.command_pairs(1);
    device.step();
    EXPECT_TRUE(device.violations().empty());
    EXPECT_EQ(device.take_transmitted(1).size(), 1u);
    driver.send(1, frame, 1);
    device.step();
    EXPECT_EQ(device.violations().size(), 1u);
}

TEST_P(DeviceCommands, APairThatGoesThrowsAwayWhatItHasNotSent) {
    ASSERT_EQ(set_pairs(2), 0);
    driver.send(1, frame);
    driver.command_pairs(1);
    EXPECT_TRUE(device.step_control_queue());
    EXPECT_EQ(driver.answer(), 0);
    EXPECT_EQ(device.thrown_away(), 1u);
    EXPECT_TRUE(device.take_transmitted(1).empty());
    EXPECT_TRUE(driver.transmitq(1).ring->take_used());
    EXPECT_TRUE(device.violations().empty());
}

INSTANTIATE_TEST_SUITE_P(Rings, DeviceCommands, ::testing::ValuesIn(all_bare_rings), ring_name);

}  // namespace
}  // namespace vmq::software
