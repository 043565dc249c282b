// Words that are numbers, and words that are not.
#include "tools/common/numbers.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "tools/common/failure.hpp"

namespace vmq::tools {
namespace {

using namespace std::chrono_literals;

TEST(ParseNumber, TakesTheWholeRange) {
    EXPECT_EQ(parse_number("0", "x", 0, 4), 0u);
    EXPECT_EQ(parse_number("4", "x", 0, 4), 4u);
    const auto most = std::numeric_limits<std::uint64_t>::max();
    EXPECT_EQ(parse_number("18446744073709551615", "x", 0, most), most);
}

TEST(ParseNumber, RefusesAnythingElse) {
    for (const char* word : {"", "abc", "4x", "-1", "+1", " 1", "1.0", "0x4", "18446744073709551616"}) {
        EXPECT_THROW(static_cast<void>(parse_number(word, "x", 0, 4)), UsageError) << word;
    }
    EXPECT_THROW(static_cast<void>(parse_number("5", "x", 0, 4)), UsageError);
    EXPECT_THROW(static_cast<void>(parse_number("0", "x", 1, 4)), UsageError);
}

TEST(ParseNumber, NamesTheBadWord) {
    try {
        static_cast<void>(parse_number("abc", "--pairs", 1, 4));
        FAIL() << "nothing thrown";
    } catch (const UsageError& error) {
        EXPECT_STREQ(error.what(), "'abc' is not a number, for --pairs");
    }
}

TEST(ParseSeconds, TakesDecimals) {
    EXPECT_EQ(parse_seconds("1", "x"), 1s);
    EXPECT_EQ(parse_seconds("0.25", "x"), 250ms);
}

TEST(ParseSeconds, RefusesWhatIsNoTime) {
    for (const char* word : {"", "0", "-1", "nan", "inf", "1s", "1e30"}) {
        EXPECT_THROW(static_cast<void>(parse_seconds(word, "x")), UsageError) << word;
    }
}

}  // namespace
}  // namespace vmq::tools
