// IRQ affinity: written, refused, taken to another CPU, moved by others and put back.
#include "affinity/irq.hpp"

#include <cerrno>
#include <map>

#include <gtest/gtest.h>

#include "tests/unit/affinity/fake_tree.hpp"

namespace vmq::affinity {
namespace {

std::error_code system_error_of(int number) { return {number, std::system_category()}; }

// A kernel in which chosen CPUs refuse interrupts.
class FakeKernel final : public IrqPort {
public:
    std::error_code write(unsigned irq, const CpuSet& cpus) override {
        ++writes;
        if (!irqs.contains(irq)) return system_error_of(ENOENT);
        for (const auto& [cpu, error] : refusing)
            if (cpus.contains(cpu)) return system_error_of(error);
        irqs[irq] = cpus;
        return {};
    }
    CpuSet read(unsigned irq, std::error_code& error) override {
        error = irqs.contains(irq) ? std::error_code{} : system_error_of(ENOENT);
        return error ? CpuSet{} : irqs[irq];
    }
    CpuSet read_effective(unsigned irq) override { return irqs.contains(irq) ? irqs[irq] : CpuSet{}; }

    std::map<unsigned, CpuSet> irqs;
    std::map<CpuId, int> refusing;
    int writes = 0;
};

const CpuSet everywhere = CpuSet::parse("0-7");

TEST(Irq, IsWrittenAndReadBack) {
    FakeKernel kernel;
    kernel.irqs[24] = everywhere;
    const IrqAffinity affinity = set_irq_affinity(kernel, {24, CpuId{3}, {}});
    EXPECT_TRUE(affinity.as_wanted());
    EXPECT_EQ(affinity.granted, CpuId{3});
    EXPECT_EQ(affinity.actual, CpuSet{CpuId{3}});
    EXPECT_EQ(affinity.effective, CpuSet{CpuId{3}});
    EXPECT_FALSE(affinity.error);
}

TEST(Irq, ARefusedCpuGivesWayToTheNextThatIsAccepted) {
    for (const int refusal : {EIO, ENOSPC, EINVAL}) {
        FakeKernel kernel;
        kernel.irqs[24] = everywhere;
        kernel.refusing = {{CpuId{3}, refusal}, {CpuId{2}, ENOSPC}};
        const IrqAffinity affinity = set_irq_affinity(kernel, {24, CpuId{3}, {{2}, {1}, {0}}});
        EXPECT_EQ(affinity.granted, CpuId{1});
        EXPECT_EQ(affinity.actual, CpuSet{CpuId{1}});
        EXPECT_EQ(affinity.error, system_error_of(refusal)) << "the wanted CPU's refusal, not the alternative's";
        EXPECT_FALSE(affinity.as_wanted());
        EXPECT_EQ(kernel.writes, 3);
    }
}

TEST(Irq, RefusedEverywhereStaysWhereItWas) {
    FakeKernel kernel;
    kernel.irqs[24] = everywhere;
    kernel.refusing = {{CpuId{0}, EIO}, {CpuId{1}, EIO}};
    const IrqAffinity affinity = set_irq_affinity(kernel, {24, CpuId{0}, {{1}}});
    EXPECT_EQ(affinity.granted, std::nullopt);
    EXPECT_EQ(affinity.actual, everywhere);
    EXPECT_EQ(affinity.error, system_error_of(EIO));
}

TEST(Irq, NoOtherCpuIsTriedWhenNoneCanHelp) {
    for (const int refusal : {EACCES, EPERM, EROFS}) {
        FakeKernel kernel;
        kernel.irqs[24] = everywhere;
        kernel.refusing = {{CpuId{0}, refusal}};
        const IrqAffinity affinity = set_irq_affinity(kernel, {24, CpuId{0}, {{1}}});
        EXPECT_EQ(affinity.granted, std::nullopt);
        EXPECT_EQ(kernel.writes, 1);
    }
    FakeKernel without;
    EXPECT_EQ(set_irq_affinity(without, {24, CpuId{0}, {{1}}}).error, system_error_of(ENOENT));
    EXPECT_EQ(without.writes, 1);
}

TEST(Irq, RepairPutsBackOnlyWhatMoved) {
    FakeKernel kernel;
    std::vector<IrqAffinity> affinities;
    for (unsigned irq = 24; irq < 28; ++irq) {
        kernel.irqs[irq] = everywhere;
        affinities.push_back(set_irq_affinity(kernel, {irq, CpuId{irq - 24}, {}}));
    }
    EXPECT_TRUE(repair_irq_affinities(kernel, affinities).empty());
    EXPECT_EQ(kernel.writes, 4) << "nothing moved, nothing written";

    kernel.irqs[25] = CpuSet{CpuId{7}};
    kernel.irqs[27] = everywhere;
    const auto moves = repair_irq_affinities(kernel, affinities);
    ASSERT_EQ(moves.size(), 2u);
    EXPECT_EQ(moves[0].irq, 25u);
    EXPECT_EQ(moves[0].expected, CpuId{1});
    EXPECT_EQ(moves[0].found, CpuSet{CpuId{7}});
    EXPECT_TRUE(moves[0].repaired);
    EXPECT_EQ(moves[1].irq, 27u);
    EXPECT_EQ(kernel.writes, 6);
    for (unsigned irq = 24; irq < 28; ++irq) EXPECT_EQ(kernel.irqs[irq], CpuSet{CpuId{irq - 24}});
    EXPECT_TRUE(repair_irq_affinities(kernel, affinities).empty());
}

TEST(Irq, RepairTakesAnotherCpuWhenTheFirstHasGone) {
    FakeKernel kernel;
    kernel.irqs[24] = everywhere;
    std::vector<IrqAffinity> affinities{set_irq_affinity(kernel, {24, CpuId{3}, {{2}}})};
    kernel.refusing[CpuId{3}] = EINVAL;  // offline: the kernel has spread the interrupt over what is left
    kernel.irqs[24] = CpuSet::parse("0-2");
    const auto moves = repair_irq_affinities(kernel, affinities);
    ASSERT_EQ(moves.size(), 1u);
    EXPECT_FALSE(moves[0].repaired) << "on an alternative";
    EXPECT_EQ(affinities[0].granted, CpuId{2});
    EXPECT_EQ(affinities[0].error, system_error_of(EINVAL));
    EXPECT_TRUE(repair_irq_affinities(kernel, affinities).empty()) << "the other CPU is now where it belongs";
    EXPECT_EQ(kernel.irqs[24], CpuSet{CpuId{2}});
    EXPECT_EQ(affinities[0].error, system_error_of(EINVAL));

    kernel.refusing.clear();  // online again
    EXPECT_TRUE(repair_irq_affinities(kernel, affinities).empty());
    EXPECT_TRUE(affinities[0].as_wanted());
    EXPECT_FALSE(affinities[0].error);
    EXPECT_EQ(kernel.irqs[24], CpuSet{CpuId{3}});
}

TEST(Irq, RepairThatFailsSaysSo) {
    FakeKernel kernel;
    kernel.irqs[24] = everywhere;
    std::vector<IrqAffinity> affinities{set_irq_affinity(kernel, {24, CpuId{3}, {}})};
    kernel.refusing[CpuId{3}] = EIO;
    kernel.irqs[24] = everywhere;
    const auto moves = repair_irq_affinities(kernel, affinities);
    ASSERT_EQ(moves.size(), 1u);
    EXPECT_FALSE(moves[0].repaired);
    EXPECT_EQ(affinities[0].actual, everywhere);
}

TEST(Irq, RepairAsksAgainForWhatWasRefused) {
    FakeKernel kernel;
    kernel.irqs[24] = everywhere;
    kernel.refusing[CpuId{3}] = ENOSPC;
    std::vector<IrqAffinity> affinities{set_irq_affinity(kernel, {24, CpuId{3}, {}})};
    EXPECT_TRUE(repair_irq_affinities(kernel, affinities).empty());
    EXPECT_FALSE(affinities[0].as_wanted());
    kernel.refusing.clear();
    EXPECT_TRUE(repair_irq_affinities(kernel, affinities).empty()) << "it had never been put there, so it did not move";
    EXPECT_TRUE(affinities[0].as_wanted());
    EXPECT_FALSE(affinities[0].error);
}

TEST(Irq, AnIrqThatIsGoneIsReportedAndFoundAgain) {
    FakeKernel kernel;
    kernel.irqs[24] = everywhere;
    std::vector<IrqAffinity> affinities{set_irq_affinity(kernel, {24, CpuId{3}, {}})};
    kernel.irqs.clear();
    EXPECT_TRUE(repair_irq_affinities(kernel, affinities).empty());
    EXPECT_EQ(affinities[0].error, system_error_of(ENOENT));
    EXPECT_TRUE(affinities[0].actual.empty());
    kernel.irqs[24] = CpuSet{CpuId{3}};
    EXPECT_TRUE(repair_irq_affinities(kernel, affinities).empty());
    EXPECT_TRUE(affinities[0].as_wanted());
    EXPECT_FALSE(affinities[0].error);
}

TEST(Irq, DescribesWhatWasWantedWhatIsAndTheCure) {
    FakeKernel kernel;
    kernel.irqs[24] = everywhere;
    EXPECT_EQ(describe(set_irq_affinity(kernel, {24, CpuId{3}, {}})), "IRQ 24: wanted on CPU 3, is on CPU 3");
    kernel.refusing[CpuId{2}] = EACCES;
    const std::string refused = describe(set_irq_affinity(kernel, {24, CpuId{2}, {}}));
    EXPECT_NE(refused.find("wanted on CPU 2, is on CPU 3 (Permission denied: run as root"), std::string::npos)
        << refused;
}

TEST(ProcIrqPort, WritesAndReadsTheFilesOfTheIrq) {
    const FakeTree tree;
    tree.write("proc/irq/24/smp_affinity_list", "0-7\n");
    tree.write("proc/irq/24/effective_affinity_list", "5\n");
    ProcIrqPort port(tree.paths());
    const IrqAffinity affinity = set_irq_affinity(port, {24, CpuId{3}, {}});
    EXPECT_EQ(tree.read("proc/irq/24/smp_affinity_list"), "3");
    EXPECT_TRUE(affinity.as_wanted());
    EXPECT_EQ(affinity.effective, CpuSet{CpuId{5}});
}

TEST(ProcIrqPort, KeepsTheKernelsErrors) {
    const FakeTree tree;
    ProcIrqPort port(tree.paths());
    EXPECT_EQ(port.write(24, CpuSet{CpuId{0}}), system_error_of(ENOENT));
    std::error_code error;
    EXPECT_TRUE(port.read(24, error).empty());
    EXPECT_EQ(error, system_error_of(ENOENT));

    tree.link("proc/irq/25/smp_affinity_list", "/dev/full");
    EXPECT_EQ(port.write(25, CpuSet{CpuId{0}}), system_error_of(ENOSPC));
}

TEST(ProcIrqPort, TextThatIsNoListIsAnErrorNotACrash) {
    const FakeTree tree;
    tree.write("proc/irq/24/smp_affinity_list", "nonsense\n");
    tree.write("proc/irq/24/effective_affinity_list", "nonsense\n");
    ProcIrqPort port(tree.paths());
    std::error_code error;
    EXPECT_TRUE(port.read(24, error).empty());
    EXPECT_EQ(error, std::errc::invalid_argument);
    EXPECT_TRUE(port.read_effective(24).empty());
}

TEST(ProcIrqPort, AMissingEffectiveFileIsNoError) {
    const FakeTree tree;
    tree.write("proc/irq/24/smp_affinity_list", "0-7\n");
    ProcIrqPort port(tree.paths());
    const IrqAffinity affinity = set_irq_affinity(port, {24, CpuId{3}, {}});
    EXPECT_TRUE(affinity.as_wanted());
    EXPECT_FALSE(affinity.error);
    EXPECT_TRUE(affinity.effective.empty());
}

}  // namespace
}  // namespace vmq::affinity
