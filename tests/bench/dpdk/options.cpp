// The command line of both DPDK programs.
#include "tests/bench/dpdk/options.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <getopt.h>
#include <map>
#include <string_view>

namespace bench {
namespace {

[[noreturn]] void refuse(const char* option, std::string_view text) {
    std::fprintf(stderr, "--%s: '%.*s' makes no sense\n", option, static_cast<int>(text.size()), text.data());
    std::exit(2);
}

std::uint64_t number(const char* option, std::string_view text, std::uint64_t lowest, std::uint64_t highest) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < lowest || value > highest)
        refuse(option, text);
    return value;
}

template <typename Choice>
Choice choice(const char* option, const std::map<std::string_view, Choice>& choices, std::string_view text) {
    const auto found = choices.find(text);
    if (found == choices.end()) refuse(option, text);
    return found->second;
}

// "0,2-3" as 0, 2, 3.
std::vector<unsigned> cpu_list(const char* option, std::string_view text) {
    std::vector<unsigned> cpus;
    while (!text.empty()) {
        const auto part = text.substr(0, text.find(','));
        text.remove_prefix(part.size() < text.size() ? part.size() + 1 : part.size());
        const auto dash = part.find('-');
        const auto first = number(option, part.substr(0, dash), 0, 1023);
        const auto last = dash == part.npos ? first : number(option, part.substr(dash + 1), first, 1023);
        for (auto cpu = first; cpu <= last; ++cpu) cpus.push_back(static_cast<unsigned>(cpu));
    }
    return cpus;
}

void apply(Options& options, const char* name, const char* value) {
    const std::map<std::string_view, bool*> switches{
        {"packed", &options.packed},         {"in-order", &options.in_order}, {"mergeable", &options.mergeable},
        {"vectorized", &options.vectorized}, {"sleep", &options.sleep},       {"yield", &options.yield}};
    const std::string_view option = name;
    if (const auto found = switches.find(option); found != switches.end()) *found->second = true;
    const auto limited = [&](unsigned lowest, unsigned highest) {
        return static_cast<unsigned>(number(name, value, lowest, highest));
    };
    if (option == "socket") options.socket = value;
    if (option == "job")
        options.job = choice<Job>(
            name, {{"send", Job::send}, {"receive", Job::receive}, {"forward", Job::forward}, {"ping", Job::ping}},
            value);
    if (option == "mode")
        options.mode = choice<Mode>(
            name, {{"drop", Mode::drop}, {"flood", Mode::flood}, {"forward", Mode::forward}, {"both", Mode::both}},
            value);
    if (option == "burst") options.burst = limited(1, max_burst);
    if (option == "size") options.size = limited(60, 1514);
    if (option == "pairs") options.pairs = limited(1, 8);
    if (option == "ring-size") options.ring_size = limited(64, 1024);
    if (option == "cpus") options.cpus = cpu_list(name, value);
    if (option == "packets") options.packets = number(name, value, 1, UINT64_MAX);
}

}  // namespace

Options parse_options(int argc, char** argv) {
    static const option known[] = {
        {"socket", required_argument, nullptr, 0},  {"job", required_argument, nullptr, 0},
        {"mode", required_argument, nullptr, 0},    {"burst", required_argument, nullptr, 0},
        {"size", required_argument, nullptr, 0},    {"pairs", required_argument, nullptr, 0},
        {"cpus", required_argument, nullptr, 0},    {"ring-size", required_argument, nullptr, 0},
        {"packets", required_argument, nullptr, 0}, {"packed", no_argument, nullptr, 0},
        {"in-order", no_argument, nullptr, 0},      {"mergeable", no_argument, nullptr, 0},
        {"vectorized", no_argument, nullptr, 0},    {"sleep", no_argument, nullptr, 0},
        {"yield", no_argument, nullptr, 0},         {nullptr, 0, nullptr, 0}};
    Options options;
    int index = 0;
    for (int result; (result = getopt_long(argc, argv, "", known, &index)) != -1;) {
        if (result != 0) std::exit(2);  // getopt has said why
        apply(options, known[index].name, optarg);
    }
    if (optind != argc) refuse("", argv[optind]);
    if (options.socket.empty()) refuse("socket", "");
    if (options.cpus.empty()) options.cpus.push_back(0);
    return options;
}

}  // namespace bench
