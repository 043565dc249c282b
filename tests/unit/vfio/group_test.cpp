// What stands between a function and its group, told before anything is opened.
#include "driver/vfio/group.hpp"

#include <gtest/gtest.h>

#include <vmq/error.hpp>

#include "driver/vfio/pci_function.hpp"
#include "tests/unit/vfio/fake_system.hpp"

namespace vmq::vfio {

namespace {

constexpr const char* nic = "0000:00:04.0";

// The failure of usable_group, which must be there.
std::system_error refusal(const FakeSystem& system) {
    try {
        (void)usable_group(system.roots(), nic, false);
    } catch (const std::system_error& error) {
        return error;
    }
    ADD_FAILURE() << "the group was found usable";
    return std::system_error{std::error_code{}};
}

void expect_text(const std::system_error& error, const std::string& part) {
    EXPECT_NE(std::string{error.what()}.find(part), std::string::npos) << error.what();
}

}  // namespace

TEST(Group, UsableWhenBoundAndInAGroup) {
    const FakeSystem system;
    system.add_function(nic, "0x1af4", "0x1041");
    system.set_group(nic, 5);
    system.set_driver(nic, "vfio-pci");
    EXPECT_EQ(usable_group(system.roots(), nic, false), 5);
    EXPECT_EQ(usable_group(system.roots(), nic, true), 5);
}

TEST(Group, NoSuchFunction) {
    const FakeSystem system;
    EXPECT_EQ(refusal(system).code(), Errc::no_such_device);
    expect_text(refusal(system), nic);
}

TEST(Group, NoIommuSaysHowToGetOne) {
    const FakeSystem system;
    system.add_function(nic, "0x1af4", "0x1041");
    system.set_driver(nic, "virtio-pci");
    EXPECT_EQ(refusal(system).code(), Errc::unsupported);
    expect_text(refusal(system), "intel_iommu=on");
    expect_text(refusal(system), "virtual IOMMU");
    EXPECT_EQ(std::string{refusal(system).what()}.find("noiommu"), std::string::npos) << "the kernel has no such mode";
    system.set_noiommu_mode("N");
    expect_text(refusal(system), "echo Y > " + noiommu_parameter(system.roots()).string());
    system.set_noiommu_mode("Y");
    expect_text(refusal(system), "mqctl bind 0000:00:04.0");
}

TEST(Group, NoIommuModeIsRefusedUnlessAskedFor) {
    const FakeSystem system;
    system.add_function(nic, "0x1af4", "0x1041");
    system.set_group(nic, 0);
    system.name_group(0, "vfio-noiommu");
    system.set_driver(nic, "vfio-pci");
    EXPECT_EQ(refusal(system).code(), Errc::unsupported);
    expect_text(refusal(system), "nothing protects memory");
    expect_text(refusal(system), "--no-iommu");
    EXPECT_EQ(usable_group(system.roots(), nic, true), 0);
}

TEST(Group, NotBoundNamesTheDriverAndTheCommand) {
    const FakeSystem system;
    system.add_function(nic, "0x1af4", "0x1041");
    system.set_group(nic, 5);
    expect_text(refusal(system), "bound to no driver");
    system.set_driver(nic, "virtio-pci");
    expect_text(refusal(system), "bound to virtio-pci");
    expect_text(refusal(system), "mqctl bind 0000:00:04.0");
}

TEST(Group, NamesTheNeighboursThatKeepUserSpaceOut) {
    const FakeSystem system;
    for (const auto* address : {nic, "0000:00:05.0", "0000:00:06.0", "0000:00:07.0", "0000:00:08.0"}) {
        system.add_function(address, "0x8086", "0x1");
        system.set_group(address, 5);
    }
    system.set_driver(nic, "vfio-pci");
    system.set_driver("0000:00:05.0", "pcieport");
    EXPECT_EQ(unviable_neighbours(system.roots(), nic), "");
    system.set_driver("0000:00:06.0", "e1000e");
    system.set_driver("0000:00:08.0", "nvme");
    EXPECT_EQ(unviable_neighbours(system.roots(), nic), "0000:00:06.0 (e1000e), 0000:00:08.0 (nvme)");
}

}  // namespace vmq::vfio
