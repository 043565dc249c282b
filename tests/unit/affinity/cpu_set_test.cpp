// CPU sets: list syntax both ways, and what must be refused.
#include "affinity/cpu_set.hpp"

#include <system_error>

#include <gtest/gtest.h>

namespace vmq::affinity {
namespace {

std::string why_refused(std::string_view list) {
    try {
        static_cast<void>(parse_cpu_list(list));
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::invalid_argument);
        return error.what();
    }
    return "accepted";
}

TEST(CpuSet, ParsesAndWritesTheListSyntax) {
    const CpuSet cpus = CpuSet::parse("10-12,0-3,8\n");
    EXPECT_EQ(cpus.size(), 8u);
    EXPECT_TRUE(cpus.contains(CpuId{8}));
    EXPECT_FALSE(cpus.contains(CpuId{9}));
    EXPECT_EQ(cpus.to_string(), "0-3,8,10-12");
    EXPECT_EQ(CpuSet::parse("0,1,2-2,4095").to_string(), "0-2,4095");
}

TEST(CpuSet, BlankTextIsTheEmptySet) {
    for (const char* text : {"", "\n", "  \n"}) EXPECT_TRUE(CpuSet::parse(text).empty()) << '"' << text << '"';
    EXPECT_EQ(CpuSet{}.to_string(), "");
}

TEST(CpuSet, EveryTextWrittenIsReadBackTheSame) {
    for (unsigned step = 1; step < 8; ++step) {
        CpuSet cpus;
        for (unsigned cpu = step; cpu < CpuSet::capacity; cpu += (cpu % 5 == 0 ? step : 1)) cpus.insert(CpuId{cpu});
        EXPECT_EQ(CpuSet::parse(cpus.to_string()), cpus);
    }
}

TEST(CpuSet, RefusesBadTextAndNamesTheItem) {
    for (const char* item : {"x", "1x", "-", "-3", "3-", "1-2-3", "0x4", "+1", "1 2", "1--2", "1-x"})
        EXPECT_NE(why_refused("0," + std::string(item)).find('"' + std::string(item) + "\" is neither a CPU number"),
                  std::string::npos)
            << item << ": " << why_refused("0," + std::string(item));
    for (const char* list : {",", "0,", ",0", "0,,1"})
        EXPECT_NE(why_refused(list).find("empty place"), std::string::npos) << list;
    EXPECT_NE(why_refused("7-4").find("\"7-4\" runs backwards"), std::string::npos);
    for (const char* list : {"4096", "0-4096", "99999999999999999999"})
        EXPECT_NE(why_refused(list).find("goes beyond CPU 4095"), std::string::npos) << list;
}

TEST(CpuSet, OrderedListKeepsOrderAndRepeats) {
    const std::vector<CpuId> expected{{3}, {0}, {1}, {2}, {3}};
    EXPECT_EQ(parse_cpu_list("3,0-2,3"), expected);
}

TEST(CpuSet, InsertEraseAndBounds) {
    CpuSet cpus{CpuId{1}, CpuId{4095}};
    EXPECT_THROW(cpus.insert(CpuId{4096}), std::system_error);
    EXPECT_FALSE(cpus.contains(CpuId{4096}));
    cpus.erase(CpuId{1});
    cpus.erase(CpuId{4096});
    EXPECT_EQ(cpus.to_vector(), std::vector<CpuId>{CpuId{4095}});
}

TEST(CpuSet, SetOperations) {
    const CpuSet left = CpuSet::parse("0-5"), right = CpuSet::parse("4-7");
    EXPECT_EQ((left & right).to_string(), "4-5");
    EXPECT_EQ((left | right).to_string(), "0-7");
    EXPECT_EQ((left - right).to_string(), "0-3");
    EXPECT_EQ(left, CpuSet::parse("3-5,0-2"));
}

}  // namespace
}  // namespace vmq::affinity
