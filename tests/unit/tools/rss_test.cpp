// `mqctl rss`: what it prints and what its words mean.
#include "tools/mqctl/rss.hpp"

#include <gtest/gtest.h>

#include "tools/common/failure.hpp"

namespace vmq::mqctl {
namespace {

using Words = std::vector<std::string>;

RssInfo two_pairs() {
    RssInfo rss;
    rss.limits = {.hash_types = 0x3f, .key_size = 40, .table_length = 128};
    rss.settings = {.hash_types = 3, .key = {0x6d, 0x5a, 0x00}, .weights = {2, 1}, .table = {}};
    rss.config = {.hash_types = 3,
                  .key = {0x6d, 0x5a, 0x00},
                  .table = {0, 1, 0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1, 12},
                  .unclassified_pair = 0};
    return rss;
}

// The layout of `ethtool -x` (6.1), and the hash types behind it.
TEST(RssText, IsTheLayoutOfEthtool) {
    EXPECT_EQ(rss_text("0000:00:04.0", two_pairs(), 2),
              "RX flow hash indirection table for 0000:00:04.0 with 2 RX ring(s):\n"
              "    0:      0     1     0     1     0     1     0     1\n"
              "    8:      1     0     1     0     1     0     1    12\n"
              "RSS hash key:\n"
              "6d:5a:00\n"
              "RSS hash function:\n"
              "    toeplitz: on\n"
              "RSS hash types:\n"
              "    ipv4 tcpv4\n");
}

TEST(RssText, ADeviceThatOnlyReportsHashesHasNoTable) {
    RssInfo rss = two_pairs();
    rss.config.table.clear();
    EXPECT_NE(rss_text("d", rss, 2).find("Operation not supported\n"), std::string::npos);
}

TEST(RssJson, IsAnArrayOfOneObject) {
    const tools::Json json = rss_json("0000:00:04.0", two_pairs(), 2);
    ASSERT_EQ(json.size(), 1u);
    EXPECT_EQ(json[0]["schema"], "mqctl.rss/1");
    EXPECT_EQ(json[0]["table"].size(), 16u);
    EXPECT_EQ(json[0]["table"][15], 12);
    EXPECT_EQ(json[0]["key"], "6d:5a:00");
    EXPECT_EQ(json[0]["hash_types"], (Words{"ipv4", "tcpv4"}));
    EXPECT_EQ(json[0]["weights"], (std::vector<unsigned>{2, 1}));
    EXPECT_EQ(json[0]["max_table_length"], 128);
}

TEST(RssWords, WhatIsLeftIsTheDevice) {
    EXPECT_EQ(rss_words(Words{"show", "0000:00:04.0"}), 1u);
    EXPECT_EQ(rss_words(Words{"default"}), 1u);
    EXPECT_EQ(rss_words(Words{"auto", "00:04.0"}), 1u);
    EXPECT_EQ(rss_words(Words{"equal", "2", "0000:00:04.0"}), 2u);
    EXPECT_EQ(rss_words(Words{"key", "6d5a"}), 2u);
    EXPECT_EQ(rss_words(Words{"weight", "3", "1", "00:04.0"}), 3u);
    EXPECT_EQ(rss_words(Words{"weight", "3", "1", "0"}), 4u);
    for (const Words& bad : {Words{"equal"}, Words{"key"}, Words{"weight"}, Words{"weight", "eth0"}, Words{"shuffle"}})
        EXPECT_THROW(static_cast<void>(rss_words(bad)), tools::UsageError) << bad.front();
}

TEST(RssWords, ChangeWhatTheySayAndNothingElse) {
    const RssSettings old = two_pairs().settings;
    RssSettings now = changed_settings(old, Words{"key", "0A:ff"});
    EXPECT_EQ(now.key, (std::vector<std::uint8_t>{0x0a, 0xff}));
    EXPECT_EQ(now.weights, old.weights);
    now = changed_settings(old, Words{"equal", "3"});
    EXPECT_EQ(now.weights, (std::vector<unsigned>{1, 1, 1}));
    EXPECT_EQ(now.key, old.key);
    EXPECT_EQ(now.hash_types, old.hash_types);
    now = changed_settings(old, Words{"weight", "5", "0", "7"});
    EXPECT_EQ(now.weights, (std::vector<unsigned>{5, 0, 7}));
    RssSettings with_table = old;
    with_table.weights.clear();
    with_table.table = {1, 0};
    now = changed_settings(with_table, Words{"default"});
    EXPECT_TRUE(now.weights.empty());
    EXPECT_TRUE(now.table.empty());
    EXPECT_THROW(static_cast<void>(changed_settings(old, Words{"equal", "0"})), tools::UsageError);
    EXPECT_THROW(static_cast<void>(changed_settings(old, Words{"equal", "x"})), tools::UsageError);
}

TEST(RssKey, IsHexadecimalWithOrWithoutColons) {
    EXPECT_EQ(parse_key("6d5a"), (std::vector<std::uint8_t>{0x6d, 0x5a}));
    EXPECT_EQ(parse_key("6D:5a:01"), (std::vector<std::uint8_t>{0x6d, 0x5a, 0x01}));
    for (const char* bad : {"", ":", "6d5", "zz", "6d 5a", "0x6d", "+1"})
        EXPECT_THROW(static_cast<void>(parse_key(bad)), tools::UsageError) << bad;
}

}  // namespace
}  // namespace vmq::mqctl
