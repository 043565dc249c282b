// Reading PCI functions from sysfs.
#include "driver/vfio/pci_function.hpp"

#include <system_error>

#include <gtest/gtest.h>

#include "tests/unit/vfio/fake_system.hpp"

namespace vmq::vfio {

namespace {

constexpr const char* nic = "0000:00:04.0";

}  // namespace

TEST(PciFunction, ReadsNumbersDriverAndGroup) {
    const FakeSystem system;
    system.add_function(nic, "0x1af4", "0x1041");
    EXPECT_TRUE(function_exists(system.roots(), nic));
    EXPECT_FALSE(function_exists(system.roots(), "0000:00:05.0"));
    EXPECT_EQ(function_number(system.roots(), nic, "vendor"), 0x1af4);
    EXPECT_EQ(function_number(system.roots(), nic, "device"), 0x1041);
    EXPECT_EQ(function_number(system.roots(), nic, "class"), -1);
    EXPECT_EQ(driver_of(system.roots(), nic), "");
    EXPECT_EQ(iommu_group_of(system.roots(), nic), -1);
    system.set_driver(nic, "virtio-pci");
    system.set_group(nic, 12);
    EXPECT_EQ(driver_of(system.roots(), nic), "virtio-pci");
    EXPECT_EQ(iommu_group_of(system.roots(), nic), 12);
}

TEST(PciFunction, ListsAllInOrder) {
    const FakeSystem system;
    for (const auto* address : {"0000:00:05.0", "0000:00:04.0", "0000:00:1f.2"})
        system.add_function(address, "0x8086", "0x1");
    EXPECT_EQ(all_functions(system.roots()),
              (std::vector<std::string>{"0000:00:04.0", "0000:00:05.0", "0000:00:1f.2"}));
    EXPECT_THROW((void)all_functions({"/nowhere", "/nowhere"}), std::system_error);
}

TEST(PciFunction, KnowsTheFamilyOfVfioDrivers) {
    EXPECT_TRUE(is_vfio_driver("vfio-pci"));
    EXPECT_TRUE(is_vfio_driver("virtio_vfio_pci"));
    EXPECT_FALSE(is_vfio_driver("virtio-pci"));
    EXPECT_FALSE(is_vfio_driver(""));
}

TEST(PciFunction, FindsNeighboursInTheGroup) {
    const FakeSystem system;
    for (const auto* address : {"0000:00:05.0", "0000:00:04.0", "0000:00:06.0"}) {
        system.add_function(address, "0x8086", "0x1");
        system.set_group(address, 3);
    }
    EXPECT_EQ(group_neighbours(system.roots(), nic), (std::vector<std::string>{"0000:00:05.0", "0000:00:06.0"}));
    EXPECT_FALSE(is_noiommu_group(system.roots(), nic));
    system.name_group(3, "vfio-noiommu");
    EXPECT_TRUE(is_noiommu_group(system.roots(), nic));
}

TEST(PciFunction, GoesFromFunctionToInterfaceAndBack) {
    const FakeSystem system;
    system.add_function(nic, "0x1af4", "0x1041");
    EXPECT_EQ(kernel_interface_of(system.roots(), nic), "");
    system.add_interface(nic, "eth0");
    EXPECT_EQ(kernel_interface_of(system.roots(), nic), "eth0");
    EXPECT_EQ(function_of_interface(system.roots(), "eth0"), nic);
}

TEST(PciFunction, DoesNotTakeAnotherFunctionsInterfaceForItsOwn) {
    const FakeSystem system;
    system.add_function(nic, "0x1af4", "0x1041");
    system.add_function("0000:00:05.0", "0x8086", "0x1");
    std::filesystem::create_directories(system.path("0000:00:05.0") / "net/eth9");
    FakeSystem::link(system.path("0000:00:05.0"), system.path(nic) / "physfn");
    EXPECT_EQ(kernel_interface_of(system.roots(), nic), "");
    EXPECT_EQ(kernel_interface_of(system.roots(), "0000:00:05.0"), "eth9");
}

TEST(PciFunction, NoFunctionBehindVirtualOrImpossibleInterfaces) {
    const FakeSystem system;
    system.add_function(nic, "0x1af4", "0x1041");
    system.add_interface(nic, "eth0");
    std::filesystem::create_directories(system.roots().sys / "class/net/lo");
    for (const auto* name : {"lo", "eth1", "", ".", "..", "../net/eth0", "eth0/device/net/eth0"})
        EXPECT_EQ(function_of_interface(system.roots(), name), std::nullopt) << '"' << name << '"';
}

}  // namespace vmq::vfio
