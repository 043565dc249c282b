// The placement of pairs on synthetic machines.
#include "affinity/placement.hpp"

#include <map>
#include <set>
#include <system_error>

#include <gtest/gtest.h>

namespace vmq::affinity {
namespace {

constexpr const char* two_nodes = "Package:2 [NUMANode] Core:4 PU:2";  // cores 0-3 and 4-7, CPUs 2c and 2c+1

std::vector<unsigned> cpus_of(const std::vector<PairPlacement>& placements) {
    std::vector<unsigned> cpus;
    for (const PairPlacement& placement : placements) cpus.push_back(placement.cpu.value);
    return cpus;
}

using Cpus = std::vector<unsigned>;

std::string why_refused(const Topology& topology, const std::string& list) {
    try {
        static_cast<void>(place(topology, {.pairs = 1, .cpus = list}));
    } catch (const std::system_error& error) {
        return error.what();
    }
    return "accepted";
}

TEST(Placement, OneCpuTakesEveryPair) {
    const auto placements = place(topology_from_synthetic("PU:1"), {.pairs = 3});
    EXPECT_EQ(cpus_of(placements), (Cpus{0, 0, 0}));
    for (unsigned pair = 0; pair < 3; ++pair) EXPECT_EQ(placements[pair].pair, pair);
}

TEST(Placement, CoresBeforeHyperThreadsAndTheDeviceNodeFirst) {
    const Topology topology = topology_from_synthetic(two_nodes);
    EXPECT_EQ(cpus_of(place(topology, {.pairs = 16, .device_node = 1})),
              (Cpus{8, 10, 12, 14, 0, 2, 4, 6, 9, 11, 13, 15, 1, 3, 5, 7}));
    EXPECT_EQ(cpus_of(place(topology, {.pairs = 5, .device_node = 0})), (Cpus{0, 2, 4, 6, 8}));
    EXPECT_EQ(cpus_of(place(topology, {.pairs = 5})), (Cpus{0, 2, 4, 6, 8})) << "node unknown";
}

TEST(Placement, SaysTheNodeOfEachPair) {
    const auto placements = place(topology_from_synthetic(two_nodes), {.pairs = 5, .device_node = 1});
    EXPECT_EQ(placements[3], (PairPlacement{3, CpuId{14}, 1}));
    EXPECT_EQ(placements[4], (PairPlacement{4, CpuId{0}, 0}));
}

TEST(Placement, LinuxNumberingOfHyperThreads) {
    const Topology topology = topology_from_synthetic("Core:4 PU:2(indexes=0,4,1,5,2,6,3,7)");
    EXPECT_EQ(cpus_of(place(topology, {.pairs = 8})), (Cpus{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(Placement, AvoidsTheControlThreadsCoreWhileItCan) {
    const Topology flat = topology_from_synthetic("PU:4");
    EXPECT_EQ(cpus_of(place(flat, {.pairs = 4, .control_cpu = CpuId{1}})), (Cpus{0, 2, 3, 1}));
    // The core is left out, not only the CPU; when its turn comes the sibling goes first.
    const Topology threads = topology_from_synthetic("Core:3 PU:2");
    EXPECT_EQ(cpus_of(place(threads, {.pairs = 6, .control_cpu = CpuId{0}})), (Cpus{2, 4, 1, 3, 5, 0}));
    EXPECT_EQ(cpus_of(place(topology_from_synthetic("PU:1"), {.pairs = 1, .control_cpu = CpuId{0}})), (Cpus{0}));
    EXPECT_EQ(cpus_of(place(flat, {.pairs = 2, .control_cpu = CpuId{99}})), (Cpus{0, 1})) << "no such CPU";
}

TEST(Placement, IsolatedCoresFirst) {
    const Topology flat = topology_from_synthetic("PU:6", std::nullopt, CpuSet::parse("3-4"));
    EXPECT_EQ(cpus_of(place(flat, {.pairs = 6})), (Cpus{3, 4, 0, 1, 2, 5}));
    // Isolation counts more than the device's node.
    const Topology far = topology_from_synthetic(two_nodes, std::nullopt, CpuSet::parse("8-11"));
    EXPECT_EQ(cpus_of(place(far, {.pairs = 6, .device_node = 0})), (Cpus{8, 10, 9, 11, 0, 2}));
    // An isolated CPU that the process may not use stays out.
    const Topology barred = topology_from_synthetic("PU:4", CpuSet::parse("0-2"), CpuSet::parse("2-3"));
    EXPECT_EQ(cpus_of(place(barred, {.pairs = 3})), (Cpus{2, 0, 1}));
}

TEST(Placement, RestrictedToTheAllowedCpus) {
    const Topology topology = topology_from_synthetic(two_nodes, CpuSet::parse("1,5,9,11-12"));
    EXPECT_EQ(cpus_of(place(topology, {.pairs = 7, .device_node = 1})), (Cpus{9, 11, 12, 1, 5, 9, 11}));
    // Only siblings of one core left: they are doubled, for there is nothing else.
    const Topology siblings = topology_from_synthetic(two_nodes, CpuSet::parse("6-7"));
    EXPECT_EQ(cpus_of(place(siblings, {.pairs = 3})), (Cpus{6, 7, 6}));
}

TEST(Placement, NoUsableCpuIsRefused) {
    EXPECT_THROW(static_cast<void>(place(topology_from_synthetic("PU:2", CpuSet{}), {.pairs = 1})), std::system_error);
}

// For machines of every size and shape: each CPU is used equally often, cores fill evenly, and pair i stays where it
// is whatever the number of pairs.
TEST(Placement, HoldsItsPromisesOnMachinesOf1To256Cpus) {
    for (const char* shape : {"PU:1", "PU:3", "Core:1 PU:2", "Core:7 PU:2", "Package:2 [NUMANode] Core:3 PU:1",
                              "Package:2 [NUMANode] Core:16 PU:2", "Package:4 [NUMANode] Core:8 PU:8",
                              "Package:1 [NUMANode] Core:128 PU:2", "PU:256"}) {
        const Topology topology = topology_from_synthetic(shape);
        const unsigned cpus = static_cast<unsigned>(topology.pus.size());
        const PlacementRequest full{.pairs = 2 * cpus, .device_node = 0, .control_cpu = CpuId{0}};
        const auto placements = place(topology, full);
        ASSERT_EQ(placements.size(), 2 * cpus) << shape;

        std::map<CpuId, unsigned> on_cpu;
        std::map<unsigned, unsigned> on_core;
        for (const PairPlacement& placement : placements) {
            ++on_cpu[placement.cpu];
            const unsigned on_this = ++on_core[topology.find(placement.cpu)->core];
            if (placement.pair >= cpus) continue;
            for (const Pu& pu : topology.pus) EXPECT_GE(on_core[pu.core] + 1, on_this) << shape;
        }
        for (const Pu& pu : topology.pus) EXPECT_EQ(on_cpu[pu.cpu], 2u) << shape;

        for (const unsigned pairs : {0u, 1u, 2u, cpus - 1, cpus, cpus + 1}) {
            PlacementRequest fewer = full;
            fewer.pairs = pairs;
            const auto prefix = place(topology, fewer);
            ASSERT_EQ(prefix.size(), pairs) << shape;
            EXPECT_TRUE(std::equal(prefix.begin(), prefix.end(), placements.begin())) << shape << ", " << pairs;
        }
    }
}

TEST(Placement, ListedCpusInTheirOrder) {
    const Topology topology = topology_from_synthetic(two_nodes);
    const auto placements = place(topology, {.pairs = 6, .cpus = "9,2-3,0"});
    EXPECT_EQ(cpus_of(placements), (Cpus{9, 2, 3, 0, 9, 2}));
    EXPECT_EQ(placements[0].numa_node, 1);
    EXPECT_EQ(placements[1].numa_node, 0);
    EXPECT_EQ(cpus_of(place(topology, {.pairs = 3, .cpus = "5,5,4"})), (Cpus{5, 5, 4}));
}

TEST(Placement, BadListsNameTheCpuTheReasonAndTheCure) {
    const Topology topology = topology_from_synthetic("PU:8", CpuSet::parse("0-3"));
    EXPECT_NE(why_refused(topology, "0,9")
                  .find("CPU 9 of the list \"0,9\" does not exist or is offline; name CPUs out of \"0-3\""),
              std::string::npos)
        << why_refused(topology, "0,9");
    const std::string barred = why_refused(topology, "0-5");
    EXPECT_NE(barred.find("CPU 4 of the list \"0-5\" is not allowed"), std::string::npos) << barred;
    EXPECT_NE(barred.find("cpuset"), std::string::npos) << barred;
    EXPECT_NE(why_refused(topology, " ").find("blank"), std::string::npos);
    EXPECT_NE(why_refused(topology, "0,two").find("\"two\""), std::string::npos);
}

TEST(Placement, PolicyNonePlacesNothing) {
    EXPECT_TRUE(place(topology_from_synthetic("PU:4"), {.pairs = 4, .policy = PlacementPolicy::none}).empty());
}

TEST(Placement, AlternativesAreAllowedCpusOfTheNodeNearestFirst) {
    const Topology topology = topology_from_synthetic(two_nodes, CpuSet::parse("0-5,8-15"));
    EXPECT_EQ(alternatives(topology, CpuId{3}), (std::vector<CpuId>{{2}, {4}, {5}, {0}, {1}}));
    EXPECT_TRUE(alternatives(topology, CpuId{77}).empty());
    EXPECT_TRUE(alternatives(topology_from_synthetic("PU:1"), CpuId{0}).empty());
    const Topology one_node = topology_from_synthetic("[NUMANode] Package:2 PU:2");
    EXPECT_EQ(alternatives(one_node, CpuId{3}), (std::vector<CpuId>{{2}, {0}, {1}}));
    EXPECT_EQ(alternatives(topology_from_synthetic("PU:4"), CpuId{1}), (std::vector<CpuId>{{2}, {3}, {0}}));
}

}  // namespace
}  // namespace vmq::affinity
