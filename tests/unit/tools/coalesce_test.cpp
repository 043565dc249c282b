// `mqctl coalesce`: what it prints and what its words mean.
#include "tools/mqctl/coalesce.hpp"

#include <gtest/gtest.h>

#include "tools/common/failure.hpp"

namespace vmq::mqctl {
namespace {

using Words = std::vector<std::string>;

constexpr Coalescing some{.receive = {.usecs = 50, .packets = 16}, .transmit = {.usecs = 4294967295, .packets = 1}};

// As `ethtool -c` (6.1) prints it.
TEST(CoalesceText, IsTheLayoutOfEthtool) {
    EXPECT_EQ(coalesce_text("0000:00:04.0", some),
              "Coalesce parameters for 0000:00:04.0:\n"
              "Adaptive RX: n/a  TX: n/a\n"
              "stats-block-usecs: n/a\n"
              "sample-interval: n/a\n"
              "pkt-rate-low: n/a\n"
              "pkt-rate-high: n/a\n"
              "\n"
              "rx-usecs: 50\n"
              "rx-frames: 16\n"
              "rx-usecs-irq: n/a\n"
              "rx-frames-irq: n/a\n"
              "\n"
              "tx-usecs: 4294967295\n"
              "tx-frames: 1\n"
              "tx-usecs-irq: n/a\n"
              "tx-frames-irq: n/a\n"
              "\n"
              "rx-usecs-low: n/a\n"
              "rx-frame-low: n/a\n"
              "tx-usecs-low: n/a\n"
              "tx-frame-low: n/a\n"
              "\n"
              "rx-usecs-high: n/a\n"
              "rx-frame-high: n/a\n"
              "tx-usecs-high: n/a\n"
              "tx-frame-high: n/a\n"
              "\n"
              "CQE mode RX: n/a  TX: n/a\n"
              "\n");
}

TEST(CoalesceJson, HasEachPairsLimits) {
    const tools::Json json = coalesce_json("0000:00:04.0", {.all = some, .pairs = {some, {}}});
    ASSERT_EQ(json.size(), 1u);
    EXPECT_EQ(json[0]["schema"], "mqctl.coalesce/1");
    EXPECT_EQ(json[0]["device"], "0000:00:04.0");
    EXPECT_EQ(json[0]["all"]["rx_usecs"], 50);
    EXPECT_EQ(json[0]["all"]["tx_usecs"], 4294967295);
    EXPECT_EQ(json[0]["pairs"][0]["rx_frames"], 16);
    EXPECT_EQ(json[0]["pairs"][1]["tx_frames"], 0);
}

TEST(CoalesceWords, WhatIsLeftIsTheDevice) {
    EXPECT_EQ(coalesce_words(Words{"show", "0000:00:04.0"}), 1u);
    EXPECT_EQ(coalesce_words(Words{"rx-usecs", "5"}), 2u);
    EXPECT_EQ(coalesce_words(Words{"rx-usecs", "5", "tx-frames", "6", "00:04.0"}), 4u);
    for (const Words& bad : {Words{"rx-usecs"}, Words{"rx-usecs", "5", "tx-frames"}, Words{"adaptive-rx", "on"}})
        EXPECT_THROW(static_cast<void>(coalesce_words(bad)), tools::UsageError) << bad.front();
}

TEST(CoalesceWords, ChangeWhatTheySayAndNothingElse) {
    const Coalescing now = changed_coalescing(some, Words{"rx-frames", "0", "tx-usecs", "7"});
    EXPECT_EQ(now, (Coalescing{{50, 0}, {7, 1}}));
    for (const char* bad : {"x", "-1", "4294967296", ""})
        EXPECT_THROW(static_cast<void>(changed_coalescing(some, Words{"rx-usecs", bad})), tools::UsageError) << bad;
}

}  // namespace
}  // namespace vmq::mqctl
