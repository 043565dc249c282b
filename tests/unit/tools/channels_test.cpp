// `mqctl show` and the numbers that `mqctl combined` takes.
#include "tools/mqctl/channels.hpp"

#include <gtest/gtest.h>

#include "tools/common/failure.hpp"

namespace vmq::mqctl {
namespace {

Info device_of_four() {
    Info info;
    info.name = "0000:00:04.0";
    info.queue_pairs = 2;
    info.max_queue_pairs = 4;
    return info;
}

// What `ethtool -l` (6.1) prints for an interface whose driver reports combined channels only.
TEST(ChannelsText, IsTheLayoutOfEthtool) {
    EXPECT_EQ(channels_text(device_of_four()),
              "Channel parameters for 0000:00:04.0:\n"
              "Pre-set maximums:\n"
              "RX:\t\tn/a\n"
              "TX:\t\tn/a\n"
              "Other:\t\tn/a\n"
              "Combined:\t4\n"
              "Current hardware settings:\n"
              "RX:\t\tn/a\n"
              "TX:\t\tn/a\n"
              "Other:\t\tn/a\n"
              "Combined:\t2\n");
}

TEST(ChannelsJson, IsAnArrayOfOneObject) {
    EXPECT_EQ(channels_json(device_of_four()).dump(),
              R"([{"schema":"mqctl.show/1","device":"0000:00:04.0","queue_pairs":2,"max_queue_pairs":4}])");
}

TEST(PairCount, OfAWordThatIsNoNumberIsAUsageError) {
    EXPECT_EQ(parse_pair_count("4"), 4u);
    EXPECT_EQ(parse_pair_count("0"), 0u);
    try {
        static_cast<void>(parse_pair_count("abc"));
        FAIL() << "nothing thrown";
    } catch (const tools::UsageError& error) {
        EXPECT_STREQ(error.what(), "'abc' is not a number, for the number of queue pairs");
    }
    EXPECT_THROW(static_cast<void>(parse_pair_count("4294967296")), tools::UsageError);
}

TEST(PairCount, IsOneToWhatTheDeviceHas) {
    EXPECT_EQ(pair_count_refusal(1, 4), "");
    EXPECT_EQ(pair_count_refusal(4, 4), "");
    EXPECT_EQ(pair_count_refusal(9, 4), "requested 9 queue pairs, the device has 4");
    EXPECT_EQ(pair_count_refusal(5, 4), "requested 5 queue pairs, the device has 4");
    EXPECT_EQ(pair_count_refusal(0, 4), "requested 0 queue pairs, at least 1 is needed");
}

}  // namespace
}  // namespace vmq::mqctl
