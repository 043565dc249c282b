// mqstat's tables and command line.
#include <gtest/gtest.h>

#include "tools/common/failure.hpp"
#include "tools/common/pair_table.hpp"
#include "tools/mqstat/interrupt_grid.hpp"
#include "tools/mqstat/options.hpp"

namespace vmq::mqstat {
namespace {

using namespace std::chrono_literals;

Info two_pairs() {
    Info info;
    info.queue_pairs = 1;
    info.max_queue_pairs = 2;
    info.pairs.resize(2);
    info.pairs[0].cpu = 3;
    info.pairs[1].pair = 1;
    return info;
}

Stats counts() {
    Stats stats;
    stats.pairs.resize(2);
    PairStats& first = stats.pairs[0];
    first.state = PairState::active;
    first.rx_packets = 10;
    first.rx_bytes = 640;
    first.rx_drops_short = 1;
    first.rx_interrupts = 4;
    first.rx_notifies = 2;
    first.tx_packets = 9;
    first.tx_bytes = 576;
    first.tx_rejected = 2;
    first.tx_interrupts = 1;
    first.tx_notifies = 5;
    stats.pairs[1].pair = 1;
    stats.pairs[1].rx_packets = 1;
    return stats;
}

TEST(PairTable, EndsWithTheSums) {
    EXPECT_EQ(tools::pair_table(two_pairs(), counts()),
              "pair  state   vCPU  rx-packets  rx-bytes  tx-packets  tx-bytes  drops  rx-interrupts  tx-interrupts  "
              "notifies\n"
              "   0  active     3          10       640           9       576      3              4              1     "
              "    7\n"
              "   1  parked     -           1         0           0         0      0              0              0     "
              "    0\n"
              " sum  -          -          11       640           9       576      3              4              1     "
              "    7\n");
}

TEST(PairTable, TellsHowUnevenlyActivePairsReceive) {
    Stats stats = counts();
    stats.pairs[1].state = PairState::active;
    stats.pairs[1].rx_packets = 30;
    EXPECT_NE(tools::pair_table(two_pairs(), stats).find(" sum  skew 1.50 "), std::string::npos);
    EXPECT_EQ(tools::pair_json(two_pairs(), stats)["rx_skew"], 1.5);
}

TEST(PairJson, CarriesWhatTheTableShows) {
    const tools::Json device = tools::pair_json(two_pairs(), counts());
    EXPECT_EQ(device["queue_pairs"], 1);
    EXPECT_EQ(device["pairs"][0]["state"], "active");
    EXPECT_EQ(device["pairs"][0]["cpu"], 3);
    EXPECT_EQ(device["pairs"][0]["drops"], 3);
    EXPECT_EQ(device["pairs"][0]["notifies"], 7);
    EXPECT_EQ(device["pairs"][0]["rx_drops_short"], 1);
    EXPECT_TRUE(device["pairs"][1]["cpu"].is_null());
    EXPECT_EQ(device["sum"]["rx_packets"], 11);
    EXPECT_EQ(device["sum"]["drops"], 3);
    EXPECT_FALSE(device["sum"].contains("state"));
}

InterruptTable interrupts() {
    VectorStats config;
    config.owner = "config";
    config.irq = 24;
    config.eventfd_sum = 1;
    config.kernel_counts = {1, 0};
    config.affinity = "0-1";
    VectorStats receive;
    receive.vector = 1;
    receive.owner = "rx-0";
    receive.irq = 25;
    receive.eventfd_sum = 1207;
    receive.kernel_counts = {1200, 7};
    receive.wanted_cpu = 0;
    receive.affinity = "1";
    receive.trouble = "EIO";
    VectorStats unknown;
    unknown.vector = 2;
    unknown.owner = "tx-0";
    unknown.eventfd_sum = 5;
    return {{0, 1}, {config, receive, unknown}};
}

TEST(InterruptGrid, ComparesKernelAndEventfd) {
    EXPECT_EQ(interrupt_grid(interrupts()),
              "vector  IRQ  CPU0  CPU1  kernel  eventfd\n"
              "config   24     1     0       1        1\n"
              "rx-0     25  1200     7    1207     1207  on 1, wanted 0 (EIO)\n"
              "tx-0      -     -     -       -        5\n");
}

TEST(InterruptJson, CarriesWhatTheGridShows) {
    const tools::Json device = interrupt_json(interrupts());
    EXPECT_EQ(device["cpus"], tools::Json({0, 1}));
    EXPECT_EQ(device["vectors"][1]["owner"], "rx-0");
    EXPECT_EQ(device["vectors"][1]["kernel_counts"], tools::Json({1200, 7}));
    EXPECT_EQ(device["vectors"][1]["kernel_sum"], 1207);
    EXPECT_EQ(device["vectors"][1]["eventfd_sum"], 1207);
    EXPECT_EQ(device["vectors"][1]["trouble"], "on 1, wanted 0 (EIO)");
    EXPECT_TRUE(device["vectors"][0]["trouble"].is_null());
    EXPECT_TRUE(device["vectors"][2]["irq"].is_null());
    EXPECT_TRUE(device["vectors"][2]["kernel_counts"].empty());
}

TEST(ParseWords, TellsDeviceAndIntervalApart) {
    EXPECT_EQ(parse_words({}).device, std::nullopt);
    EXPECT_EQ(parse_words({}).interval, std::nullopt);
    EXPECT_EQ(parse_words({}).count, 1u);

    const When both = parse_words({"0000:00:04.0", "0.5", "3"});
    EXPECT_EQ(both.device, "0000:00:04.0");
    EXPECT_EQ(both.interval, 500ms);
    EXPECT_EQ(both.count, 3u);

    const When alone = parse_words({"2"});
    EXPECT_EQ(alone.device, std::nullopt);
    EXPECT_EQ(alone.interval, 2s);
    EXPECT_EQ(alone.count, 0u);
}

TEST(ParseWords, RefusesWhatMakesNoSense) {
    EXPECT_THROW(static_cast<void>(parse_words({"eth0", "x"})), tools::UsageError);
    EXPECT_THROW(static_cast<void>(parse_words({"0"})), tools::UsageError);
    EXPECT_THROW(static_cast<void>(parse_words({"1", "0"})), tools::UsageError);
    EXPECT_THROW(static_cast<void>(parse_words({"eth0", "1", "1", "1"})), tools::UsageError);
}

}  // namespace
}  // namespace vmq::mqstat
