// `mqctl map`: pairs joined with vectors.
#include "tools/mqctl/map.hpp"

#include <gtest/gtest.h>

namespace vmq::mqctl {
namespace {

PairInfo pair(unsigned index, int rx_vector, int tx_vector) {
    PairInfo result;
    result.pair = index;
    result.state = PairState::active;
    result.cpu = static_cast<int>(index);
    result.numa_node = 0;
    result.thread_id = 500 + static_cast<int>(index);
    result.thread_cpu = static_cast<int>(index);
    result.rx_vector = rx_vector;
    result.tx_vector = tx_vector;
    return result;
}

VectorStats vector(unsigned index, std::string owner, int wanted_cpu, std::string affinity) {
    VectorStats result;
    result.vector = index;
    result.owner = std::move(owner);
    result.irq = 24 + static_cast<int>(index);
    result.wanted_cpu = wanted_cpu;
    result.affinity = std::move(affinity);
    return result;
}

TEST(MapText, HasARowForEachVector) {
    Info info;
    info.pairs = {pair(0, 1, 2)};
    const InterruptTable interrupts{
        {0, 1}, {vector(0, "config", -1, "0-1"), vector(1, "rx-0", 0, "0"), vector(2, "tx-0", 0, "1")}};
    EXPECT_EQ(map_text(info, interrupts),
              "PAIR  STATE   USE     VECTOR  IRQ  IRQ-WANTED  IRQ-ON  IRQ-MOVED  IRQ-ELSEWHERE  THREAD  THREAD-WANTED  "
              "THREAD-ON  NODE\n"
              "   0  active  rx           1   25           0       0          0              0     500              0  "
              "        0     0\n"
              "   0  active  tx           2   26           0       1          0              0     500              0  "
              "        0     0  on 1, wanted 0\n"
              "   -  -       config       0   24           -     0-1          -              -       -              -  "
              "        -     -\n");
}

TEST(MapRows, JoinQueuesThatShareAVector) {
    Info info;
    info.pairs = {pair(0, 1, 1), pair(1, 2, 2)};
    const InterruptTable interrupts{{0, 1}, {vector(1, "rxtx-0", 0, "0"), vector(2, "rxtx-1", 1, "1")}};
    const auto rows = map_rows(info, interrupts);
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].use, "rx+tx");
    EXPECT_EQ(rows[1].pair, 1);
    EXPECT_EQ(rows[1].irq, 26);
}

TEST(MapRows, ShowOneSharedVectorWithEveryPairAndNotAgain) {
    Info info;
    info.pairs = {pair(0, 0, 0), pair(1, 0, 0)};
    const auto rows = map_rows(info, {{0, 1}, {vector(0, "shared", 0, "0")}});
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].irq, 24);
    EXPECT_EQ(rows[1].irq, 24);
}

TEST(MapRows, OfPolledPairsHaveNoVector) {
    Info info;
    info.pairs = {pair(0, -1, -1)};
    const auto rows = map_rows(info, {});
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].vector, -1);
    EXPECT_EQ(rows[0].irq, -1);
    EXPECT_EQ(rows[0].trouble, "");
}

TEST(MapRows, CountMovesAndInterruptsOnOtherCpus) {
    Info info;
    info.pairs = {pair(0, 1, 1)};
    VectorStats moved = vector(1, "rxtx-0", 2, "2");
    moved.moved = 3;
    moved.elsewhere = 12;
    VectorStats config = vector(0, "config", -1, "0");
    config.elsewhere = 5;
    const auto rows = map_rows(info, {{0, 2, 3}, {config, moved}});
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].irq_moved, 3u);
    EXPECT_EQ(rows[0].irq_elsewhere, 12u);
    EXPECT_EQ(rows[1].irq_elsewhere, 0u) << "it has no vCPU to be away from";
}

TEST(MapRows, NameAThreadThatIsElsewhere) {
    Info info;
    info.pairs = {pair(0, 1, 1)};
    info.pairs[0].thread_cpu = 3;
    EXPECT_EQ(map_rows(info, {{0}, {vector(1, "rxtx-0", 0, "0")}})[0].trouble, "thread on 3, wanted 0");
    EXPECT_EQ(map_rows(info, {{0}, {vector(1, "rxtx-0", 0, "2")}})[0].trouble, "on 2, wanted 0; thread on 3, wanted 0");
    info.pairs[0].thread_cpu = -1;  // left to the scheduler
    EXPECT_EQ(map_rows(info, {{0}, {vector(1, "rxtx-0", 0, "0")}})[0].trouble, "");
}

TEST(MapJson, CarriesTheRows) {
    Info info;
    info.name = "0000:00:04.0";
    info.vector_sharing = "per pair";
    info.pairs = {pair(0, 1, 1)};
    const tools::Json device = map_json(info, {{0}, {vector(1, "rxtx-0", 0, "0")}})[0];
    EXPECT_EQ(device["schema"], "mqctl.map/1");
    EXPECT_EQ(device["device"], "0000:00:04.0");
    EXPECT_EQ(device["map"][0].dump(),
              R"({"pair":0,"state":"active","use":"rx+tx","vector":1,"irq":25,"irq_cpu_wanted":0,"irq_cpus":"0",)"
              R"("irq_moved":0,"irq_elsewhere":0,)"
              R"("thread_id":500,"thread_cpu_wanted":0,"thread_cpu":0,"numa_node":0,"trouble":null})");
}

}  // namespace
}  // namespace vmq::mqctl
