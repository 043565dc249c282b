// Huge pages that are set aside: how many can be had, in which sizes, and what the message says.
#include "driver/vfio/huge_pages.hpp"

#include <linux/mman.h>

#include <gtest/gtest.h>

#include "tests/unit/vfio/fake_system.hpp"

namespace vmq::vfio {

TEST(HugePages, ABlockThatFillsHalfAPageIsWorthIt) {
    EXPECT_FALSE(worth_huge_page(huge_2m / 2 - 1, huge_2m));
    EXPECT_TRUE(worth_huge_page(huge_2m / 2, huge_2m));
    EXPECT_EQ(page_sizes_for(4096).front(), huge_2m);
    EXPECT_EQ(page_sizes_for(huge_1g / 2).front(), huge_1g);
    EXPECT_EQ(whole_pages(1, huge_2m), huge_2m);
    EXPECT_EQ(whole_pages(huge_2m, huge_2m), huge_2m);
}

TEST(HugePages, PromisedOnesCannotBeHadButOnesMadeOnDemandCan) {
    const FakeSystem system;
    EXPECT_EQ(available_huge_pages(system.roots(), huge_2m), 0u);
    system.set_huge_pages("2048", "free_hugepages", 10);
    system.set_huge_pages("2048", "resv_hugepages", 3);
    EXPECT_EQ(available_huge_pages(system.roots(), huge_2m), 7u);
    system.set_huge_pages("2048", "nr_overcommit_hugepages", 5);
    system.set_huge_pages("2048", "surplus_hugepages", 1);
    EXPECT_EQ(available_huge_pages(system.roots(), huge_2m), 11u);
    EXPECT_EQ(available_huge_pages(system.roots(), huge_1g), 0u);
}

TEST(HugePages, TheCureNamesTheCommandWithTheNewTotal) {
    const FakeSystem system;
    system.set_huge_pages("2048", "nr_hugepages", 10);
    system.set_huge_pages("2048", "free_hugepages", 2);
    EXPECT_EQ(huge_page_cure(system.roots(), huge_2m, 9),
              "9 huge pages of 2 MiB are needed, 2 can be had: reserve them with sysctl -w vm.nr_hugepages=17");
    EXPECT_NE(huge_page_cure(system.roots(), huge_1g, 1).find("hugepagesz=1G hugepages=1 on the kernel"),
              std::string::npos);
}

TEST(HugePages, TheFlagIsTheKernels) {
    EXPECT_EQ(huge_page_flag(huge_2m), static_cast<unsigned>(MAP_HUGE_2MB));
    EXPECT_EQ(huge_page_flag(huge_1g), static_cast<unsigned>(MAP_HUGE_1GB));
}

}  // namespace vmq::vfio
