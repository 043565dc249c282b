// Topologies from hwloc descriptions and from this machine.
#include "affinity/topology.hpp"

#include <cstdlib>
#include <filesystem>
#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "affinity/thread.hpp"
#include "tests/unit/affinity/fake_tree.hpp"

namespace vmq::affinity {
namespace {

TEST(Topology, TwoNodesWithHyperThreads) {
    const Topology topology = topology_from_synthetic("Package:2 [NUMANode] Core:4 PU:2");
    ASSERT_EQ(topology.pus.size(), 16u);
    std::set<unsigned> cores;
    for (unsigned cpu = 0; cpu < 16; ++cpu) {
        const Pu* const pu = topology.find(CpuId{cpu});
        ASSERT_NE(pu, nullptr);
        EXPECT_EQ(pu->cpu, CpuId{cpu});
        EXPECT_EQ(pu->core, cpu / 2);
        EXPECT_EQ(pu->package, cpu / 8);
        EXPECT_EQ(pu->numa_node, static_cast<int>(cpu / 8));
        EXPECT_TRUE(pu->allowed);
        EXPECT_FALSE(pu->isolated);
        cores.insert(pu->core);
    }
    EXPECT_EQ(cores.size(), 8u);
    EXPECT_EQ(topology.find(CpuId{16}), nullptr);
    EXPECT_EQ(topology.cpus().to_string(), "0-15");
}

TEST(Topology, LinuxNumberingPutsSiblingsFarApart) {
    // As Linux numbers a real machine: CPUs 0-3 are the first threads of the cores, 4-7 the second ones.
    const Topology topology = topology_from_synthetic("Core:4 PU:2(indexes=0,4,1,5,2,6,3,7)");
    ASSERT_EQ(topology.pus.size(), 8u);
    for (unsigned cpu = 0; cpu < 4; ++cpu)
        EXPECT_EQ(topology.find(CpuId{cpu})->core, topology.find(CpuId{cpu + 4})->core);
    EXPECT_NE(topology.find(CpuId{0})->core, topology.find(CpuId{1})->core);
}

// CPU 1 is offline. Where a thread has a level 1 cache of its own, the core of the CPU that is left is below it and not
// above: hwloc has cores at two depths then.
TEST(Topology, ACoreThatHasLostAThreadKeepsANumberOfItsOwn) {
    const FakeTree tree;
    const auto cpu = [&](const std::string& name, const char* own, const char* siblings, const char* core) {
        const std::filesystem::path folder = "sys/devices/system/cpu/" + name;
        const auto write = [&](const char* place, const char* file, const char* text) {
            tree.write((folder / place / file).string(), text);
        };
        for (const char* file : {"core_cpus", "thread_siblings"}) write("topology", file, siblings);
        for (const char* file : {"package_cpus", "core_siblings"}) write("topology", file, "d");
        write("topology", "core_id", core);
        write("topology", "physical_package_id", "0");
        for (const auto& [cache, level, sharers] :
             {std::tuple("cache/index0", "1", own), {"cache/index1", "2", siblings}}) {
            write(cache, "level", level);
            write(cache, "shared_cpu_map", sharers);
            write(cache, "type", "Data");
            write(cache, "size", "32K");
        }
    };
    cpu("cpu0", "1", "1", "0");
    cpu("cpu2", "4", "c", "1");
    cpu("cpu3", "8", "c", "1");
    tree.write("sys/devices/system/cpu/cpu1/online", "0\n");

    ::setenv("HWLOC_FSROOT", tree.paths().sys.parent_path().c_str(), 1);
    const Topology topology = load_topology(CpuSet::parse("0,2-3"), tree.paths());
    ::unsetenv("HWLOC_FSROOT");
    EXPECT_EQ(topology.cpus().to_string(), "0,2-3");
    ASSERT_EQ(topology.pus.size(), 3u);
    EXPECT_NE(topology.pus[0].core, topology.pus[1].core);
    EXPECT_EQ(topology.pus[1].core, topology.pus[2].core);
}

TEST(Topology, MarksAllowedAndIsolated) {
    const Topology topology = topology_from_synthetic("PU:6", CpuSet::parse("1-4"), CpuSet::parse("3-5"));
    EXPECT_EQ(topology.allowed().to_string(), "1-4");
    EXPECT_FALSE(topology.find(CpuId{0})->allowed);
    EXPECT_TRUE(topology.find(CpuId{3})->isolated);
    EXPECT_FALSE(topology.find(CpuId{2})->isolated);
}

TEST(Topology, SizesFrom1To256) {
    for (const unsigned size : {1u, 2u, 3u, 64u, 65u, 128u, 255u, 256u}) {
        const Topology topology = topology_from_synthetic("PU:" + std::to_string(size));
        EXPECT_EQ(topology.pus.size(), size);
        EXPECT_EQ(topology.allowed().size(), size);
    }
}

TEST(Topology, BadDescriptionIsNamed) {
    try {
        static_cast<void>(topology_from_synthetic("Core:two"));
        FAIL() << "accepted";
    } catch (const std::system_error& error) {
        EXPECT_NE(std::string(error.what()).find("Core:two"), std::string::npos) << error.what();
    }
}

TEST(Topology, ThisMachineAllowsExactlyWhatTheThreadMay) {
    const Topology topology = load_topology();
    const CpuSet mine = thread_affinity();
    ASSERT_FALSE(topology.pus.empty());
    EXPECT_EQ(topology.allowed() & mine, mine);
    EXPECT_EQ(topology.allowed() - isolated_cpus(), mine - isolated_cpus());
}

TEST(Topology, AnInheritedMaskRestricts) {
    const CpuId first = thread_affinity().to_vector().front();
    EXPECT_EQ(load_topology(CpuSet{first}, FakeTree().paths()).allowed(), CpuSet{first});
}

TEST(Topology, IsolatedCpusAreUsableUnlessTheMaskWasNarrowed) {
    const CpuSet all = CpuSet::parse("0-7"), isolated = CpuSet::parse("4-7");
    EXPECT_EQ(usable_cpus(all, CpuSet::parse("0-3"), isolated), all);
    EXPECT_EQ(usable_cpus(all, CpuSet::parse("0-2"), isolated).to_string(), "0-2");
    EXPECT_EQ(usable_cpus(all, CpuSet::parse("4-5"), isolated).to_string(), "4-5");
    EXPECT_EQ(usable_cpus(CpuSet::parse("0-5"), CpuSet::parse("0-3"), isolated).to_string(), "0-5");
    EXPECT_EQ(usable_cpus(all, CpuSet::parse("0-3"), {}).to_string(), "0-3");
}

TEST(Topology, ReadsIsolatedCpus) {
    const FakeTree tree;
    EXPECT_TRUE(isolated_cpus(tree.paths()).empty());
    tree.write("sys/devices/system/cpu/isolated", "\n");
    EXPECT_TRUE(isolated_cpus(tree.paths()).empty());
    tree.write("sys/devices/system/cpu/isolated", "2-3,6\n");
    EXPECT_EQ(isolated_cpus(tree.paths()).to_string(), "2-3,6");
}

TEST(Topology, ReadsOnlineCpus) {
    const FakeTree tree;
    EXPECT_TRUE(online_cpus(tree.paths()).empty());
    tree.write("sys/devices/system/cpu/online", "0,2-3\n");
    EXPECT_EQ(online_cpus(tree.paths()).to_string(), "0,2-3");
    EXPECT_EQ(online_cpus(), load_topology().cpus()) << "this machine";
}

TEST(Topology, ReadsTheNodeOfAPciFunction) {
    const FakeTree tree;
    EXPECT_EQ(pci_numa_node("0000:00:04.0", tree.paths()), unknown_node);
    for (const auto& [text, node] : {std::pair("1\n", 1), {"0\n", 0}, {"-1\n", unknown_node}, {"?\n", unknown_node}}) {
        tree.write("sys/bus/pci/devices/0000:00:04.0/numa_node", text);
        EXPECT_EQ(pci_numa_node("0000:00:04.0", tree.paths()), node) << text;
    }
}

}  // namespace
}  // namespace vmq::affinity
