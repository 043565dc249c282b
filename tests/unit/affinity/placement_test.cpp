// The placement of pairs on synthetic machines.
#include "affinity/placement.hpp"

#include <algorithm>
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

// A machine as it is seen while only these CPUs are online; hwloc numbers the cores that are left anew.
Topology only(const char* shape, const std::string& online) {
    Topology topology = topology_from_synthetic(shape);
    const CpuSet left = CpuSet::parse(online);
    std::erase_if(topology.pus, [&](const Pu& pu) { return !left.contains(pu.cpu); });
    std::map<unsigned, unsigned> cores;
    for (Pu& pu : topology.pus) pu.core = cores.try_emplace(pu.core, static_cast<unsigned>(cores.size())).first->second;
    return topology;
}

using Moves = std::vector<PairMove>;

TEST(PlacementFollow, NothingMovesWhileNothingChanges) {
    const Topology topology = topology_from_synthetic(two_nodes);
    Placement placement(topology, {.pairs = 40, .device_node = 1});
    EXPECT_EQ(placement.pairs(), place(topology, {.pairs = 40, .device_node = 1}));
    for (const unsigned active : {1u, 7u, 40u}) EXPECT_TRUE(placement.follow(topology, active).empty());
    EXPECT_EQ(placement.pairs(), place(topology, {.pairs = 40, .device_node = 1}));
}

TEST(PlacementFollow, OnlyThePairOfACpuThatGoesMovesAndItComesBack) {
    Placement placement(topology_from_synthetic("PU:4"), {.pairs = 4});
    EXPECT_EQ(placement.follow(only("PU:4", "0,2-3"), 4), (Moves{{1, CpuId{1}, CpuId{2}}}));
    EXPECT_EQ(cpus_of(placement.pairs()), (Cpus{0, 2, 2, 3}));
    EXPECT_TRUE(placement.follow(only("PU:4", "0,2-3"), 4).empty()) << "it stays there";
    EXPECT_EQ(placement.follow(only("PU:4", "0,3"), 4), (Moves{{1, CpuId{2}, CpuId{3}}, {2, CpuId{2}, CpuId{0}}}))
        << "each to one of its own";
    EXPECT_EQ(placement.follow(topology_from_synthetic("PU:4"), 4),
              (Moves{{1, CpuId{3}, CpuId{1}}, {2, CpuId{0}, CpuId{2}}}));
}

TEST(PlacementFollow, AFreeCpuBeforeASharedOneAndTheNearestOfSeveral) {
    // Pairs on 0, 2, 4, 6 (node 0) and 8, 10, 12, 14 (node 1).
    Placement placement(topology_from_synthetic(two_nodes), {.pairs = 8});
    EXPECT_EQ(placement.follow(only(two_nodes, "0-11,13-15"), 8), (Moves{{6, CpuId{12}, CpuId{13}}}));
    EXPECT_EQ(placement.pairs()[6].numa_node, 1);
    EXPECT_EQ(placement.follow(only(two_nodes, "0-11,14-15"), 8), (Moves{{6, CpuId{13}, CpuId{15}}}))
        << "the whole core is gone: the same package";
    EXPECT_EQ(
        placement.follow(only(two_nodes, "0-7"), 8),
        (Moves{{4, CpuId{8}, CpuId{1}}, {5, CpuId{10}, CpuId{3}}, {6, CpuId{15}, CpuId{5}}, {7, CpuId{14}, CpuId{7}}}))
        << "another node when it must be";
    EXPECT_EQ(placement.pairs()[7].numa_node, 0);
    EXPECT_EQ(placement.follow(topology_from_synthetic(two_nodes), 8).size(), 4u);
    EXPECT_EQ(placement.pairs(), place(topology_from_synthetic(two_nodes), {.pairs = 8}));
}

TEST(PlacementFollow, PairsInUseCountBeforeParkedOnes) {
    Placement placement(topology_from_synthetic("PU:4"), {.pairs = 4});
    const Topology without_1 = only("PU:4", "0,2-3");
    EXPECT_EQ(placement.follow(without_1, 2), (Moves{{1, CpuId{1}, CpuId{2}}})) << "pair 2 is parked";
    EXPECT_EQ(placement.follow(without_1, 3), (Moves{{1, CpuId{2}, CpuId{3}}})) << "now it is not, but pair 3 is";
    EXPECT_TRUE(placement.follow(without_1, 4).empty()) << "no CPU has fewer";
    EXPECT_TRUE(placement.follow(without_1, 2).empty());
}

TEST(PlacementFollow, AShrunkMaskSpreadsThePairsOverWhatIsLeft) {
    const Topology all = topology_from_synthetic("PU:8");
    Placement placement(all, {.pairs = 8});
    EXPECT_EQ(placement.follow(topology_from_synthetic("PU:8", CpuSet::parse("0-3")), 8).size(), 4u);
    EXPECT_EQ(std::ranges::count(cpus_of(placement.pairs()), 0u), 2);
    EXPECT_EQ(std::ranges::count(cpus_of(placement.pairs()), 3u), 2);
    EXPECT_EQ(placement.follow(topology_from_synthetic("PU:8", CpuSet::parse("6")), 8).size(), 8u)
        << "pair 6 comes home, the others have no choice";
    placement.follow(all, 8);
    EXPECT_EQ(placement.pairs(), place(all, {.pairs = 8}));
}

TEST(PlacementFollow, AMaskThatGrowsTakesPairsFromCpusWithSeveral) {
    const auto machine = [](const char* allowed) { return topology_from_synthetic("PU:8", CpuSet::parse(allowed)); };
    Placement placement(machine("2-3"), {.pairs = 8});
    EXPECT_EQ(cpus_of(placement.pairs()), (Cpus{2, 3, 2, 3, 2, 3, 2, 3}));
    EXPECT_EQ(placement.follow(machine("1-3"), 4).size(), 2u);
    EXPECT_EQ(cpus_of(placement.pairs()), (Cpus{2, 3, 1, 1, 2, 3, 2, 3}));
    placement.follow(machine("0-7"), 8);
    const Cpus spread = cpus_of(placement.pairs());
    EXPECT_EQ(std::set<unsigned>(spread.begin(), spread.end()).size(), 8u);
    EXPECT_EQ(spread[0], 2u) << "alone on its CPU in the end, so it never moved";
    EXPECT_EQ(spread[1], 3u);
    EXPECT_TRUE(placement.follow(machine("0-7"), 1).empty());
}

TEST(PlacementFollow, AnotherMaskAltogether) {
    const auto machine = [](const char* allowed) { return topology_from_synthetic("PU:8", CpuSet::parse(allowed)); };
    Placement placement(machine("0-3"), {.pairs = 4});
    EXPECT_EQ(placement.follow(machine("4-7"), 4).size(), 4u);
    const Cpus moved = cpus_of(placement.pairs());
    EXPECT_EQ(std::set<unsigned>(moved.begin(), moved.end()), (std::set<unsigned>{4, 5, 6, 7}));
    placement.follow(machine("0-7"), 4);
    EXPECT_EQ(cpus_of(placement.pairs()), (Cpus{0, 1, 2, 3}));
}

TEST(PlacementFollow, AListIsKeptToWhileAnyOfItIsLeft) {
    Placement placement(topology_from_synthetic("PU:8"), {.pairs = 3, .cpus = "5,2,7"});
    EXPECT_EQ(placement.follow(only("PU:8", "0-4,6-7"), 3), (Moves{{0, CpuId{5}, CpuId{7}}})) << "not 6, which is free";
    EXPECT_EQ(placement.follow(only("PU:8", "0-1,3-4,6"), 3),
              (Moves{{0, CpuId{7}, CpuId{6}}, {1, CpuId{2}, CpuId{3}}, {2, CpuId{7}, CpuId{0}}}));
    placement.follow(topology_from_synthetic("PU:8"), 3);
    EXPECT_EQ(cpus_of(placement.pairs()), (Cpus{5, 2, 7}));
}

TEST(PlacementFollow, AListIsNotExtendedByNewCpus) {
    const auto machine = [](const char* allowed) { return topology_from_synthetic("PU:8", CpuSet::parse(allowed)); };
    Placement placement(machine("0-1"), {.pairs = 4, .cpus = "0-1"});
    EXPECT_TRUE(placement.follow(machine("0-7"), 4).empty());
}

TEST(PlacementFollow, ManyPairsOnFewCpusStayEven) {
    const char* const shape = "Package:2 [NUMANode] Core:2 PU:2";
    Placement placement(topology_from_synthetic(shape), {.pairs = 64, .device_node = 0});
    EXPECT_EQ(placement.follow(only(shape, "0-2,4-7"), 64).size(), 8u);
    std::map<unsigned, unsigned> load;
    for (const unsigned cpu : cpus_of(placement.pairs())) ++load[cpu];
    for (const auto& [cpu, pairs] : load) EXPECT_TRUE(pairs == 9 || pairs == 10) << cpu << ": " << pairs;
    EXPECT_EQ(load.size(), 7u);
    EXPECT_EQ(placement.follow(topology_from_synthetic(shape), 64).size(), 8u);
}

TEST(PlacementFollow, WithoutAnyCpuOrPolicyNothingMoves) {
    Placement placement(topology_from_synthetic("PU:2"), {.pairs = 2});
    EXPECT_TRUE(placement.follow(topology_from_synthetic("PU:2", CpuSet{}), 2).empty());
    EXPECT_EQ(cpus_of(placement.pairs()), (Cpus{0, 1}));
    Placement none(topology_from_synthetic("PU:2"), {.pairs = 2, .policy = PlacementPolicy::none});
    EXPECT_TRUE(none.follow(only("PU:2", "1"), 2).empty());
    EXPECT_TRUE(none.pairs().empty());
}

// Whatever comes and goes: every pair on a usable CPU, at home where it can be, and no jitter.
TEST(PlacementFollow, HoldsItsPromisesWhateverComesAndGoes) {
    const Topology whole = topology_from_synthetic(two_nodes);
    for (const unsigned pairs : {1u, 5u, 16u, 37u}) {
        Placement placement(whole, {.pairs = pairs});
        unsigned state = pairs;
        for (int round = 0; round < 300; ++round) {
            state = state * 1664525 + 1013904223;
            CpuSet online;
            for (unsigned cpu = 0; cpu < 16; ++cpu)
                if ((state >> (8 + cpu) & 1) != 0) online.insert(CpuId{cpu});
            if (online.empty()) continue;
            const unsigned active = 1 + state % pairs;
            const Topology now = only(two_nodes, online.to_string());
            placement.follow(now, active);
            const auto homes = place(whole, {.pairs = pairs});
            for (unsigned i = 0; i < pairs; ++i) {
                EXPECT_TRUE(online.contains(placement.pairs()[i].cpu));
                EXPECT_TRUE(!online.contains(homes[i].cpu) || placement.pairs()[i].cpu == homes[i].cpu) << i;
            }
            ASSERT_TRUE(placement.follow(now, active).empty()) << "round " << round;
        }
    }
}

}  // namespace
}  // namespace vmq::affinity
