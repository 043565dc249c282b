// Options and words of a command line.
#include "tools/common/command_line.hpp"

#include <array>

#include <gtest/gtest.h>

#include "tools/common/failure.hpp"

namespace vmq::tools {
namespace {

template <typename... Words>
std::optional<CommandLine> parse(Words... words) {
    Syntax syntax{"tool", "Usage: tool"};
    syntax.options.add_options()("json,j", "")("socket", boost::program_options::value<std::string>(), "");
    const std::array<const char*, sizeof...(Words) + 1> argv{"tool", words...};
    return parse_command_line(std::move(syntax), static_cast<int>(argv.size()), argv.data());
}

TEST(CommandLine, TakesWordsAndOptionsInAnyOrder) {
    const auto line = parse("show", "-j", "0000:00:04.0", "--socket", "/x");
    ASSERT_TRUE(line);
    EXPECT_EQ(line->words, (std::vector<std::string>{"show", "0000:00:04.0"}));
    EXPECT_TRUE(line->has("json"));
    EXPECT_EQ(line->text("socket"), "/x");
}

TEST(CommandLine, WithoutAnythingIsEmpty) {
    const auto line = parse();
    ASSERT_TRUE(line);
    EXPECT_TRUE(line->words.empty());
    EXPECT_FALSE(line->has("json"));
    EXPECT_EQ(line->text("socket"), std::nullopt);
}

TEST(CommandLine, RefusesUnknownAndShortenedOptions) {
    EXPECT_THROW(parse("--svg"), UsageError);
    EXPECT_THROW(parse("--js"), UsageError);
    EXPECT_THROW(parse("combined", "-1"), UsageError);
    EXPECT_THROW(parse("--socket"), UsageError);
}

TEST(CommandLine, PrintsHelpAndVersion) {
    testing::internal::CaptureStdout();
    EXPECT_FALSE(parse("--help"));
    EXPECT_EQ(testing::internal::GetCapturedStdout().rfind("Usage: tool\n", 0), 0u);
    testing::internal::CaptureStdout();
    EXPECT_FALSE(parse("--version"));
    EXPECT_EQ(testing::internal::GetCapturedStdout().rfind("tool ", 0), 0u);
}

}  // namespace
}  // namespace vmq::tools
