// /proc/interrupts as different machines show it, and which IRQ is which vector.
#include "affinity/interrupts.hpp"

#include <gtest/gtest.h>

#include "tests/unit/affinity/fake_tree.hpp"

namespace vmq::affinity {
namespace {

constexpr std::string_view address = "0000:00:04.0";

constexpr std::string_view one_cpu =
    "           CPU0       \n"
    "  0:         36   IO-APIC   2-edge      timer\n"
    " 24:       1042   PCI-MSI 65536-edge      vfio-msix[0](0000:00:04.0)\n"
    "NMI:          0   Non-maskable interrupts\n"
    "ERR:          7\n"
    "MIS:          0\n";

// The vectors are not in the order of the IRQs, and a second device has vectors too.
constexpr std::string_view four_cpus =
    "            CPU0       CPU1       CPU2       CPU3       \n"
    "   1:          0          9          0          0   IO-APIC   1-edge      i8042\n"
    "  29:          0          0          0          0   PCI-MSIX-0000:00:03.0   0-edge      virtio0-config\n"
    "  40:         11          0          0          0   PCI-MSIX-0000:00:04.0   2-edge      "
    "vfio-msix[2](0000:00:04.0)\n"
    "  41:          0         22          0          0   PCI-MSIX-0000:00:04.0   0-edge      "
    "vfio-msix[0](0000:00:04.0)\n"
    "  42:          0          0 4294967295          0   PCI-MSIX-0000:00:04.0   1-edge      "
    "vfio-msix[1](0000:00:04.0)\n"
    "  43:          0          0          0         44   PCI-MSIX-0000:00:14.0   0-edge      "
    "vfio-msix[0](0000:00:14.0)\n"
    "  44:          0          0          0          5   PCI-MSIX-0000:00:04.0  10-edge      "
    "vfio-msix[10](0000:00:04.0)\n"
    " LOC:     100200     100300     100400     100500   Local timer interrupts\n"
    " ERR:          0\n";

constexpr std::string_view with_holes =
    "           CPU0       CPU2       CPU5       \n"
    " 24:          1          2          3   PCI-MSI 65536-edge      vfio-msix[0](0000:00:04.0)\n"
    " 25:          4          5          6   PCI-MSI 65537-edge      vfio-msix[1](0000:00:04.0)\n";

std::string many_cpus(unsigned cpus, unsigned vectors) {
    std::string text = "           ";
    for (unsigned cpu = 0; cpu < cpus; ++cpu) text += "CPU" + std::to_string(cpu) + "       ";
    text += '\n';
    for (unsigned vector = 0; vector < vectors; ++vector) {
        text += ' ' + std::to_string(100 + vector) + ':';
        for (unsigned cpu = 0; cpu < cpus; ++cpu) text += "          " + std::to_string(cpu == vector ? 1000 + cpu : 0);
        text += "  PCI-MSI " + std::to_string(65536 + vector) + "-edge      vfio-msix[" + std::to_string(vector) +
                "](0000:00:04.0)\n";
    }
    return text;
}

TEST(Interrupts, OneCpu) {
    const InterruptTable table = parse_interrupts(one_cpu);
    EXPECT_TRUE(table.complete);
    EXPECT_EQ(table.cpus, std::vector<CpuId>{CpuId{0}});
    ASSERT_EQ(table.rows.size(), 5u);
    EXPECT_EQ(table.count(24, CpuId{0}), 1042u);
    EXPECT_EQ(table.find(24)->description, "PCI-MSI 65536-edge      vfio-msix[0](0000:00:04.0)");
    EXPECT_EQ(table.rows[2].label, "NMI");
    EXPECT_EQ(table.rows[2].irq, std::nullopt);
    EXPECT_EQ(table.rows[2].description, "Non-maskable interrupts");
    EXPECT_EQ(table.rows[3].counts, std::vector<std::uint64_t>{7});
}

TEST(Interrupts, FourCpus) {
    const InterruptTable table = parse_interrupts(four_cpus);
    EXPECT_TRUE(table.complete);
    EXPECT_EQ(table.cpus.size(), 4u);
    EXPECT_EQ(table.find(42)->counts, (std::vector<std::uint64_t>{0, 0, 4294967295u, 0}));
    EXPECT_EQ(table.count(41, CpuId{1}), 22u);
    EXPECT_EQ(table.count(41, CpuId{0}), 0u);
    EXPECT_EQ(table.count(41, CpuId{9}), 0u) << "no such CPU";
    EXPECT_EQ(table.count(999, CpuId{0}), 0u) << "no such IRQ";
    EXPECT_EQ(table.find(999), nullptr);
}

TEST(Interrupts, OfflineCpusAreHolesInTheColumns) {
    const InterruptTable table = parse_interrupts(with_holes);
    EXPECT_EQ(table.cpus, (std::vector<CpuId>{{0}, {2}, {5}}));
    EXPECT_EQ(table.count(25, CpuId{2}), 5u);
    EXPECT_EQ(table.count(25, CpuId{5}), 6u);
    EXPECT_EQ(table.count(25, CpuId{1}), 0u);
}

TEST(Interrupts, ManyCpus) {
    const InterruptTable table = parse_interrupts(many_cpus(256, 256));
    EXPECT_TRUE(table.complete);
    EXPECT_EQ(table.cpus.size(), 256u);
    const auto vectors = vfio_vectors(table, address);
    ASSERT_EQ(vectors.size(), 256u);
    for (unsigned vector = 0; vector < 256; ++vector) {
        EXPECT_EQ(vectors[vector], (VectorIrq{vector, 100 + vector}));
        EXPECT_EQ(table.count(100 + vector, CpuId{vector}), 1000u + vector);
    }
}

TEST(Interrupts, ARowOfAnotherShapeIsLeftOut) {
    const std::string_view torn =
        "           CPU0       CPU1       \n"
        " 24:          1   PCI-MSI 65536-edge      one-too-few\n"
        " 25:          1          2          3   PCI-MSI 65537-edge      one-too-many\n"
        " 26:          1          2   PCI-MSI 65538-edge      right\n";
    const InterruptTable table = parse_interrupts(torn);
    EXPECT_FALSE(table.complete);
    ASSERT_EQ(table.rows.size(), 1u);
    EXPECT_EQ(table.count(26, CpuId{1}), 2u);
}

TEST(Interrupts, TextWithoutAHeaderIsRefused) {
    for (const char* text : {"", "\n", "  0:  36  IO-APIC\n", "CPU0 CPUx\n", "CPU\n"})
        EXPECT_THROW(static_cast<void>(parse_interrupts(text)), std::system_error) << text;
}

TEST(Interrupts, VectorsByNameOfOneDeviceOnly) {
    const InterruptTable table = parse_interrupts(four_cpus);
    EXPECT_EQ(vfio_vectors(table, address), (std::vector<VectorIrq>{{0, 41}, {1, 42}, {2, 40}, {10, 44}}));
    EXPECT_EQ(vfio_vectors(table, "0000:00:14.0"), (std::vector<VectorIrq>{{0, 43}}));
    EXPECT_TRUE(vfio_vectors(table, "0000:00:05.0").empty());
    EXPECT_TRUE(vfio_vectors(table, "").empty());
}

TEST(Interrupts, OddNamesAreNoVectors) {
    for (const char* name : {"vfio-msix[", "vfio-msix[]", "vfio-msix[](0000:00:04.0)", "vfio-msix[x](0000:00:04.0)",
                             "vfio-msix[1](0000:00:04.0", "vfio-msix[1]0000:00:04.0", "vfio-intx(0000:00:04.0)"}) {
        const std::string text = "  CPU0\n 24:   1  PCI-MSI 1-edge  " + std::string(name) + "\n";
        EXPECT_TRUE(vfio_vectors(parse_interrupts(text), address).empty()) << name;
    }
}

TEST(Interrupts, MsiIrqsAreSortedAsNumbers) {
    const FakeTree tree;
    EXPECT_TRUE(msi_irqs(address, tree.paths()).empty());
    for (const char* irq : {"100", "9", "27", "name"})
        tree.write("sys/bus/pci/devices/0000:00:04.0/msi_irqs/" + std::string(irq), "msix\n");
    EXPECT_EQ(msi_irqs(address, tree.paths()), (std::vector<unsigned>{9, 27, 100}));
}

TEST(Interrupts, NamesDecideAndTheOrderOfIrqsIsTheFallback) {
    const FakeTree tree;
    for (const char* irq : {"40", "41", "42", "44"})
        tree.write("sys/bus/pci/devices/0000:00:04.0/msi_irqs/" + std::string(irq), "msix\n");
    tree.write("proc/interrupts", four_cpus);
    EXPECT_EQ(device_vectors(address, tree.paths()), (std::vector<VectorIrq>{{0, 41}, {1, 42}, {2, 40}, {10, 44}}));
    tree.write("proc/interrupts", "     CPU0\n  0:   36   IO-APIC   2-edge      timer\n");
    EXPECT_EQ(device_vectors(address, tree.paths()), (std::vector<VectorIrq>{{0, 40}, {1, 41}, {2, 42}, {3, 44}}));
}

TEST(Interrupts, AMissingFileIsNamed) {
    const FakeTree tree;
    try {
        static_cast<void>(read_interrupts(tree.paths()));
        FAIL() << "accepted";
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
        EXPECT_NE(std::string(error.what()).find("proc/interrupts"), std::string::npos) << error.what();
    }
}

TEST(Interrupts, ThisMachinesTableIsUnderstood) {
    const InterruptTable table = read_interrupts();
    EXPECT_FALSE(table.cpus.empty());
    EXPECT_TRUE(table.complete);
}

}  // namespace
}  // namespace vmq::affinity
