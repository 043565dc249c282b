// Counting interrupts on the wrong CPU while places change and CPUs come and go.
#include "affinity/stray_interrupts.hpp"

#include <gtest/gtest.h>

namespace vmq::affinity {
namespace {

constexpr unsigned irq = 30;

InterruptTable table(std::vector<CpuId> cpus, std::vector<std::uint64_t> counts) {
    InterruptTable table;
    table.cpus = std::move(cpus);
    table.rows.push_back({"30", irq, std::move(counts), "vfio"});
    return table;
}

class StrayInterruptsTest : public testing::Test {
protected:
    const std::vector<CpuId> all{CpuId{0}, CpuId{1}, CpuId{2}};
    StrayInterrupts strays;
};

TEST_F(StrayInterruptsTest, WhatCameBeforeIsNotCounted) {
    strays.want(irq, CpuId{1}, table(all, {5, 6, 7}));
    EXPECT_EQ(strays.count(irq), 0u);
    strays.observe(table(all, {5, 100, 7}));
    EXPECT_EQ(strays.count(irq), 0u);
    EXPECT_EQ(strays.count(31), 0u);
}

TEST_F(StrayInterruptsTest, OtherCpusAreCounted) {
    strays.want(irq, CpuId{1}, table(all, {5, 6, 7}));
    strays.observe(table(all, {8, 9, 8}));
    EXPECT_EQ(strays.count(irq), 4u);
    strays.observe(table(all, {8, 9, 8}));
    EXPECT_EQ(strays.count(irq), 4u);
}

TEST_F(StrayInterruptsTest, ANewPlaceLeavesNothingBehind) {
    strays.want(irq, CpuId{1}, table(all, {0, 0, 0}));
    strays.want(irq, CpuId{2}, table(all, {1, 500, 0}));
    EXPECT_EQ(strays.count(irq), 1u);
    strays.observe(table(all, {1, 502, 900}));
    EXPECT_EQ(strays.count(irq), 3u);
}

TEST_F(StrayInterruptsTest, ACpuThatGoesAndReturns) {
    strays.want(irq, CpuId{0}, table(all, {0, 40, 0}));
    strays.observe(table({CpuId{0}, CpuId{2}}, {3, 1}));
    EXPECT_EQ(strays.count(irq), 1u);
    strays.observe(table(all, {4, 42, 1}));
    EXPECT_EQ(strays.count(irq), 3u);
}

}  // namespace
}  // namespace vmq::affinity
