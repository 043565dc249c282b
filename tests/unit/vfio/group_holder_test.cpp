// Finding who has a VFIO group open.
#include "driver/vfio/group_holder.hpp"

#include <gtest/gtest.h>

#include "tests/unit/vfio/fake_system.hpp"

namespace vmq::vfio {

TEST(GroupHolder, FindsTheProcessByItsDescriptor) {
    const FakeSystem system;
    system.add_process(41, "bash", "/dev/pts/0");
    system.add_process(42, "dpdk-testpmd", "/dev/vfio/7");
    system.add_process(43, "mqperf", "/dev/vfio/17");
    const auto holder = holder_of_group(system.roots(), 7);
    EXPECT_EQ(holder.process_id, 42);
    EXPECT_EQ(holder.process_name, "dpdk-testpmd");
    EXPECT_EQ(holder_of_group(system.roots(), 17).process_name, "mqperf");
    EXPECT_EQ(holder_of_group(system.roots(), 1).process_id, 0);
    system.add_process(44, "echo", "/dev/vfio/noiommu-1");
    EXPECT_EQ(holder_of_group(system.roots(), 1).process_name, "echo");
}

TEST(GroupHolder, PassesOverWhatIsNoGroupOrCannotBeRead) {
    const FakeSystem system;
    system.add_process(41, "a", "/dev/vfio/vfio");
    system.add_process(42, "b", "/dev/vfio/devices/vfio0");
    system.add_process(43, "c", "/dev/vfio/7x");
    system.add_process(44, "d", "/tmp/dev/vfio/7");
    FakeSystem::link("/dev/vfio/7", system.roots().proc / "self/fd/3");  // not a number
    std::filesystem::create_directories(system.roots().proc / "45");     // no descriptors to see
    EXPECT_TRUE(group_holders(system.roots()).empty());
    EXPECT_TRUE(group_holders({"/nowhere", "/nowhere"}).empty());
}

TEST(GroupHolder, CureNamesTheProcessOrSaysHowToFindIt) {
    EXPECT_EQ(busy_cure({123, "testpmd"}), "held by process 123 (testpmd): stop it first");
    EXPECT_NE(busy_cure({}).find("as root"), std::string::npos);
}

}  // namespace vmq::vfio
