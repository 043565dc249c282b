// Parsing with Boost.Program_options: no abbreviations, words and options in any order.
#include "tools/common/command_line.hpp"

#include <sstream>

#include <fmt/core.h>

#include <vmq/version.hpp>

#include "tools/common/failure.hpp"

namespace vmq::tools {

namespace po = boost::program_options;

std::optional<std::string> CommandLine::text(const char* option) const {
    if (!has(option)) return std::nullopt;
    return options[option].as<std::string>();
}

std::optional<CommandLine> parse_command_line(Syntax syntax, int argc, const char* const* argv) {
    syntax.options.add_options()("help,h", "print this text")("version,V", "print the version");
    po::options_description all;
    all.add(syntax.options).add_options()("words", po::value<std::vector<std::string>>());
    po::positional_options_description words;
    words.add("words", -1);

    CommandLine line;
    try {
        const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
        po::store(po::command_line_parser(argc, argv).options(all).positional(words).style(style).run(), line.options);
    } catch (const po::error& error) {
        throw UsageError{error.what()};
    }
    if (line.has("help")) {
        std::ostringstream options;
        options << syntax.options;
        fmt::print("{}\n{}", syntax.usage, options.str());
        return std::nullopt;
    }
    if (line.has("version")) {
        fmt::print("{} {}\n", syntax.tool, version);
        return std::nullopt;
    }
    if (line.has("words")) line.words = line.options["words"].as<std::vector<std::string>>();
    return line;
}

}  // namespace vmq::tools
