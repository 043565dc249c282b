// RLIMIT_MEMLOCK: what is read from /proc, what it allows, and what the message says.
#include "driver/vfio/locked_memory.hpp"

#include <sys/resource.h>
#include <system_error>

#include <gtest/gtest.h>

namespace vmq::vfio {

namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

std::string status(const std::string& locked, const std::string& capabilities) {
    return "Name:\tmqperf\nVmPeak:\t   99999 kB\nVmLck:\t    " + locked +
           " kB\nVmPin:\t 7 kB\nCapPrm:\t000001ffffffffff\nCapEff:\t" + capabilities + "\nCapBnd:\t000001ffffffffff\n";
}

}  // namespace

TEST(LockedMemory, CountsWhatIsLockedAlready) {
    const auto memory = parse_locked_memory(status("4096", "0000000000000000"), 8 * mebibyte);
    EXPECT_EQ(memory.in_use, 4 * mebibyte);
    EXPECT_TRUE(memory.allows(4 * mebibyte));
    EXPECT_FALSE(memory.allows(4 * mebibyte + 1));
    EXPECT_FALSE(memory.allows(~std::uint64_t{0}));
}

TEST(LockedMemory, RefusesAllWhenTheLimitWasLoweredBelowTheUse) {
    const auto memory = parse_locked_memory(status("4096", "0"), mebibyte);
    EXPECT_FALSE(memory.allows(1));
}

TEST(LockedMemory, ExemptWithTheCapabilityOrWithoutALimit) {
    EXPECT_TRUE(parse_locked_memory(status("0", "0000000000004000"), 0).allows(1 << 30));
    EXPECT_FALSE(parse_locked_memory(status("0", "000001ffffffbfff"), 0).allows(1 << 30));
    EXPECT_TRUE(parse_locked_memory(status("0", "0"), RLIM_INFINITY).allows(1 << 30));
    EXPECT_FALSE(parse_locked_memory("", 0).allows(1));
}

TEST(LockedMemory, ReadsThisProcess) {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_MEMLOCK, &limit), 0);
    EXPECT_EQ(locked_memory().limit, limit.rlim_cur);
}

TEST(LockedMemory, MoreMappingsThanTheContainerTakesAreRefusedBeforehand) {
    EXPECT_NO_THROW(check_mappings("nic", 100, 100));
    EXPECT_NO_THROW(check_mappings("nic", 100'000, 0)) << "the kernel does not tell";
    try {
        check_mappings("nic", 101, 100);
        FAIL();
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::no_space_on_device);
        const std::string text = error.what();
        EXPECT_NE(text.find("nic: 101 mappings"), text.npos) << text;
        EXPECT_NE(text.find("takes 100 mappings: raise dma_entry_limit"), text.npos) << text;
    }
}

TEST(LockedMemory, CureNamesNeedLimitAndWays) {
    const auto text = locked_memory_cure(parse_locked_memory(status("4096", "0"), 8 * mebibyte), 16 * mebibyte + 1);
    EXPECT_NE(text.find("20481 KiB of locked memory"), text.npos) << text;
    EXPECT_NE(text.find("limit is 8192 KiB"), text.npos) << text;
    EXPECT_NE(text.find("ulimit -l"), text.npos) << text;
    EXPECT_NE(text.find("LimitMEMLOCK="), text.npos) << text;
}

}  // namespace vmq::vfio
