// Runs of huge pages, taken from this machine where it has some and tells physical addresses.
#include "driver/vfio/physical_run.hpp"

#include <cstring>
#include <system_error>

#include <gtest/gtest.h>

#include "driver/vfio/huge_pages.hpp"
#include "driver/vfio/page_frames.hpp"

namespace vmq::vfio {

namespace {

std::string failure_text(std::size_t size) {
    try {
        static_cast<void>(map_physical_run({}, "nic", size, -1));
    } catch (const std::system_error& error) {
        return error.what();
    }
    return {};
}

}  // namespace

TEST(PhysicalRun, TooFewHugePagesSaysHowToReserveThem) {
    const std::uint64_t available = available_huge_pages({}, huge_2m);
    const std::string text = failure_text((available + 1024) * huge_2m);
    if (available_huge_pages({}, huge_1g) > 0) GTEST_SKIP() << "this machine has pages of 1 GiB set aside";
    EXPECT_NE(text.find("vm.nr_hugepages="), text.npos) << text;
    EXPECT_NE(text.find(std::to_string(available + 1024) + " huge pages of 2 MiB are needed"), text.npos) << text;
    EXPECT_EQ(available_huge_pages({}, huge_2m), available) << "what was taken in vain is given back";
}

TEST(PhysicalRun, IsOnePieceAndZeroAndGoesBack) {
    const std::uint64_t available = available_huge_pages({}, huge_2m);
    if (available < 3) GTEST_SKIP() << "needs 3 free huge pages of 2 MiB: sysctl -w vm.nr_hugepages=3";
    {
        PhysicalRun run;
        try {
            run = map_physical_run({}, "nic", huge_2m + 1, 0);
        } catch (const std::system_error& error) {
            GTEST_SKIP() << error.what();
        }
        ASSERT_EQ(run.memory.size(), 2 * huge_2m);
        EXPECT_EQ(available_huge_pages({}, huge_2m), available - 2) << "those beside the run are given back";
        const auto addresses = physical_addresses({}, "nic", run.memory.bytes(), 4096);
        EXPECT_EQ(addresses.front(), run.address);
        EXPECT_TRUE(contiguous(addresses, 4096));
        EXPECT_TRUE(in_huge_pages({}, addresses));
        for (const std::byte byte : run.memory.bytes()) ASSERT_EQ(byte, std::byte{0});
        std::memset(run.memory.data(), 0xa5, run.memory.size());
        EXPECT_NO_THROW(run.verify({}, "nic"));
        run.address += huge_2m;
        EXPECT_THROW(run.verify({}, "nic"), std::system_error);
    }
    EXPECT_EQ(available_huge_pages({}, huge_2m), available);
}

}  // namespace vmq::vfio
