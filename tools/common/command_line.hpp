// The part of the command line that is the same for every tool.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/program_options.hpp>

namespace vmq::tools {

struct CommandLine {
    boost::program_options::variables_map options;
    std::vector<std::string> words;  // what is no option, in order

    [[nodiscard]] bool has(const char* option) const { return options.count(option) != 0; }
    // The value of an option declared as boost::program_options::value<std::string>(), if it was given.
    [[nodiscard]] std::optional<std::string> text(const char* option) const;
};

struct Syntax {
    std::string_view tool;
    std::string_view usage;  // the help text above the options
    boost::program_options::options_description options{"Options"};
};

// Adds --help and --version; std::nullopt when one of them was asked for and has been printed. Throws UsageError.
[[nodiscard]] std::optional<CommandLine> parse_command_line(Syntax syntax, int argc, const char* const* argv);

}  // namespace vmq::tools
