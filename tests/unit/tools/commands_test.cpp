// mqctl's words: what is refused before any device is touched.
#include "tools/mqctl/commands.hpp"

#include <gtest/gtest.h>

#include "tools/common/failure.hpp"

namespace vmq::mqctl {
namespace {

std::string refusal(std::vector<std::string> words, const char* option = nullptr) {
    tools::CommandLine line;
    line.words = std::move(words);
    if (option != nullptr) line.options.insert({option, boost::program_options::variable_value{}});
    try {
        run_command(line);
    } catch (const tools::UsageError& error) {
        return error.what();
    }
    return "accepted";
}

TEST(RunCommand, RefusesWhatIsNoCommand) {
    EXPECT_EQ(refusal({}), "no command given (see mqctl --help)");
    EXPECT_EQ(refusal({"doctor"}), "unknown command 'doctor' (see mqctl --help)");
}

TEST(RunCommand, RefusesTooFewAndTooManyWords) {
    EXPECT_EQ(refusal({"combined"}), "combined takes M [DEV], not 0 words");
    EXPECT_EQ(refusal({"bind"}), "bind takes DEV, not 0 words");
    EXPECT_EQ(refusal({"show", "a", "b"}), "show takes [DEV], not 2 words");
    EXPECT_EQ(refusal({"list", "a"}), "list takes no argument, not 1 words");
}

TEST(RunCommand, RefusesOptionsOfOtherCommands) {
    EXPECT_EQ(refusal({"combined", "2"}, "json"), "combined has no --json");
    EXPECT_EQ(refusal({"show"}, "force"), "show has no --force");
    EXPECT_EQ(refusal({"unbind", "x"}, "force"), "unbind has no --force");
}

TEST(RunCommand, NamesACountThatIsNoNumber) {
    EXPECT_EQ(refusal({"combined", "abc"}), "'abc' is not a number, for the number of queue pairs");
}

}  // namespace
}  // namespace vmq::mqctl
