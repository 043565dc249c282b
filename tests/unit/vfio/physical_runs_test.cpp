// Runs of huge pages, taken from this machine where it has some and tells physical addresses.
#include "driver/vfio/physical_runs.hpp"

#include <algorithm>
#include <cstring>
#include <system_error>

#include <gtest/gtest.h>

#include "driver/vfio/huge_pages.hpp"
#include "driver/vfio/page_frames.hpp"

namespace vmq::vfio {

namespace {

std::string failure_text(std::size_t size) {
    try {
        static_cast<void>(map_physical_runs({}, "nic", {size}));
    } catch (const std::system_error& error) {
        return error.what();
    }
    return {};
}

}  // namespace

TEST(PhysicalRuns, TooFewHugePagesSaysHowToReserveThem) {
    const std::uint64_t available = available_huge_pages({}, huge_2m);
    const std::string text = failure_text((available + 1024) * huge_2m);
    if (available_huge_pages({}, huge_1g) > 0) GTEST_SKIP() << "this machine has pages of 1 GiB set aside";
    EXPECT_NE(text.find("vm.nr_hugepages="), text.npos) << text;
    EXPECT_NE(text.find(std::to_string(available + 1024) + " huge pages of 2 MiB are needed"), text.npos) << text;
    EXPECT_EQ(available_huge_pages({}, huge_2m), available) << "what was taken in vain is given back";
}

TEST(PhysicalRuns, IsOnePieceAndZeroAndGoesBack) {
    const std::uint64_t available = available_huge_pages({}, huge_2m);
    if (available < 3) GTEST_SKIP() << "needs 3 free huge pages of 2 MiB: sysctl -w vm.nr_hugepages=3";
    {
        PhysicalRuns made;
        try {
            made = map_physical_runs({}, "nic", {huge_2m + 1, 0});
        } catch (const std::system_error& error) {
            GTEST_SKIP() << error.what();
        }
        ASSERT_EQ(made.runs.size(), 1u);
        PhysicalRun& run = made.runs.front();
        ASSERT_EQ(run.memory.size(), 2 * huge_2m);
        EXPECT_EQ(available_huge_pages({}, huge_2m), available - 2) << "those beside the run are given back";
        const auto addresses = physical_addresses({}, "nic", run.memory, 4096);
        EXPECT_EQ(addresses.front(), run.address);
        EXPECT_TRUE(contiguous(addresses, 4096));
        EXPECT_TRUE(in_huge_pages({}, addresses));
        for (const std::byte byte : run.memory) ASSERT_EQ(byte, std::byte{0});
        std::memset(run.memory.data(), 0xa5, run.memory.size());
        EXPECT_NO_THROW(made.verify({}, "nic"));
        run.address += huge_2m;
        EXPECT_THROW(made.verify({}, "nic"), std::system_error);
    }
    EXPECT_EQ(available_huge_pages({}, huge_2m), available);
}

TEST(PhysicalRuns, BlocksThatMayLieApartTakeWhatIsLeftBetweenOthers) {
    const std::uint64_t available = available_huge_pages({}, huge_2m);
    if (available < 6 || available > 4096)
        GTEST_SKIP() << "needs 6 to 4,096 free huge pages of 2 MiB: sysctl -w vm.nr_hugepages=6";
    std::vector<PhysicalRuns> all;
    PhysicalRuns made;
    try {
        for (std::uint64_t i = 0; i < available; ++i) all.push_back(map_physical_runs({}, "nic", {huge_2m}));
        std::sort(all.begin(), all.end(),
                  [](const auto& a, const auto& b) { return a.runs.front().address < b.runs.front().address; });
        for (std::size_t i = 0; i < 6; i += 2) all[i] = {};  // no two of these follow each other
        EXPECT_THROW(static_cast<void>(map_physical_runs({}, "nic", {2 * huge_2m})), std::system_error);
        made = map_physical_runs({}, "nic", {.size = 9216, .count = 3 * 227});
    } catch (const std::system_error& error) {
        GTEST_SKIP() << error.what();
    }
    ASSERT_EQ(made.runs.size(), 3u);
    const auto distance = [](const PhysicalRun& run) {
        return reinterpret_cast<std::uintptr_t>(run.memory.data()) - run.address;
    };
    for (const PhysicalRun& run : made.runs) {
        EXPECT_EQ(run.memory.size(), huge_2m);
        EXPECT_EQ(distance(run), distance(made.runs.front()));
        std::memset(run.memory.data(), 0xa5, run.memory.size());
    }
    EXPECT_NO_THROW(made.verify({}, "nic"));
    EXPECT_EQ(available_huge_pages({}, huge_2m), 0u);
    all.clear();
    made = {};
    EXPECT_EQ(available_huge_pages({}, huge_2m), available);
}

}  // namespace vmq::vfio
