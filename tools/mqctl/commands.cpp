// mqctl's commands. Each reads its words, asks the library, and prints.
#include "tools/mqctl/commands.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <span>
#include <thread>

#include <fmt/core.h>

#include <vmq/binding.hpp>

#include "tools/common/counters.hpp"
#include "tools/common/device_name.hpp"
#include "tools/common/device_stats.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/skew.hpp"
#include "tools/mqctl/channels.hpp"
#include "tools/mqctl/coalesce.hpp"
#include "tools/mqctl/info.hpp"
#include "tools/mqctl/list.hpp"
#include "tools/mqctl/map.hpp"
#include "tools/mqctl/map_svg.hpp"
#include "tools/mqctl/rebalance.hpp"
#include "tools/mqctl/rss.hpp"

namespace vmq::mqctl {
namespace {

using tools::CommandLine;
using tools::Json;
using Words = std::span<const std::string>;

void print(const std::string& text) { std::fputs(text.c_str(), stdout); }
void print(const Json& devices) { fmt::print("{}\n", devices.dump(2)); }

std::optional<std::string> device_word(Words words, std::size_t at) {
    if (words.size() <= at) return std::nullopt;
    return words[at];
}

void list(const CommandLine& line, Words) {
    const std::vector<ListedFunction> functions = find_functions();
    line.has("json") ? print(list_json(functions)) : print(list_text(functions));
}

void show(const CommandLine& line, Words words) {
    const std::string device = tools::driven_device(device_word(words, 0));
    const Info info = tools::on_device(device, [&] { return tools::connect(device).info(); });
    line.has("json") ? print(channels_json(info)) : print(channels_text(info));
}

void combined(const CommandLine&, Words words) {
    const unsigned count = parse_pair_count(words[0]);
    const std::string device = tools::driven_device(device_word(words, 1));
    tools::on_device(device, [&] {
        ControlClient client = tools::connect(device);
        if (const std::string refusal = pair_count_refusal(count, client.info().max_queue_pairs); !refusal.empty()) {
            throw tools::Failure{tools::Exit::failed, device + ": " + refusal};
        }
        client.set_queue_pairs(count);
    });
}

void reset(const CommandLine&, Words words) {
    const std::string device = tools::driven_device(device_word(words, 0));
    tools::on_device(device, [&] { tools::connect(device).reset(); });
}

void map(const CommandLine& line, Words words) {
    const std::string device = tools::driven_device(device_word(words, 0));
    tools::on_device(device, [&] {
        ControlClient client = tools::connect(device);
        const Info info = client.info();
        const InterruptTable interrupts = client.interrupts();
        if (const auto file = line.text("svg")) return write_map_svg(*file, info, interrupts);
        line.has("json") ? print(map_json(info, interrupts)) : print(map_text(info, interrupts));
    });
}

void info(const CommandLine& line, Words words) {
    const std::string device = tools::driven_device(device_word(words, 0));
    tools::on_device(device, [&] {
        ControlClient client = tools::connect(device);
        const Info found = client.info();
        if (!line.has("json")) return print(info_text(found));
        print(info_json(found, tools::ask_device_stats(client, found)));
    });
}

// What arrived on each pair in use within a second.
std::vector<std::uint64_t> packets_in_a_second(ControlClient& client) {
    const Stats before = client.stats();
    std::this_thread::sleep_for(std::chrono::seconds{1});
    return tools::received_by_pair(tools::difference(client.stats(), before));
}

// Until all are within the bound, or nothing more is to be gained.
void balance(ControlClient& client) {
    for (;;) {
        const std::vector<std::uint64_t> packets = packets_in_a_second(client);
        RssInfo rss = client.rss();
        const std::vector<std::uint16_t> table = rebalanced(rss.config.table, packets, moves_at_once);
        unsigned moved = 0;
        for (std::size_t i = 0; i < table.size(); ++i) moved += table[i] != rss.config.table[i] ? 1 : 0;
        fmt::print("the busiest pair received {:.2f} of the mean, {} of {} table entries moved\n", tools::skew(packets),
                   moved, table.size());
        std::fflush(stdout);
        if (moved == 0) return;
        rss.settings.weights.clear();
        rss.settings.table = table;
        client.set_rss(rss.settings);
    }
}

void rss(const CommandLine& line, Words words) {
    const std::size_t own = rss_words(words);
    if (words.size() > own + 1) throw tools::UsageError{fmt::format("'{}' is one word too many", words[own + 1])};
    const bool shows = words.front() == "show";
    if (line.has("json") && !shows) throw tools::UsageError{"only rss show has --json"};
    const std::string device = tools::driven_device(device_word(words, own));
    tools::on_device(device, [&] {
        ControlClient client = tools::connect(device);
        if (words.front() == "auto") return balance(client);
        const RssInfo found = client.rss();
        if (!shows) return client.set_rss(changed_settings(found.settings, words.first(own)));
        const Info about = client.info();
        line.has("json") ? print(rss_json(about.name, found, about.queue_pairs))
                         : print(rss_text(about.name, found, about.queue_pairs));
    });
}

void coalesce(const CommandLine& line, Words words) {
    const std::size_t own = coalesce_words(words);
    if (words.size() > own + 1) throw tools::UsageError{fmt::format("'{}' is one word too many", words[own + 1])};
    const bool shows = words.front() == "show";
    if (line.has("json") && !shows) throw tools::UsageError{"only coalesce show has --json"};
    const std::string device = tools::driven_device(device_word(words, own));
    tools::on_device(device, [&] {
        ControlClient client = tools::connect(device);
        const CoalescingInfo found = client.coalescing();
        if (!shows) return client.set_coalescing(changed_coalescing(found.all, words.first(own)));
        const std::string name = client.info().name;
        line.has("json") ? print(coalesce_json(name, found)) : print(coalesce_text(name, found.all));
    });
}

using Binding = std::vector<std::string> (*)(std::string_view, const BindOptions&);

void change_driver(const CommandLine& line, const std::string& device, Binding change) {
    const BindOptions options{.force = line.has("force"), .dry_run = line.has("dry-run")};
    const auto written = tools::on_device(device, [&] { return change(device, options); });
    if (!options.dry_run) return;
    for (const std::string& step : written) print(step + '\n');
}

void bind(const CommandLine& line, Words words) { change_driver(line, words[0], bind_to_vfio); }
void unbind(const CommandLine& line, Words words) { change_driver(line, words[0], unbind_from_vfio); }

struct Command {
    std::string_view name;
    std::size_t least_words;
    std::size_t most_words;
    std::string_view takes;  // for the message when the number of words is wrong
    std::array<std::string_view, 2> options;
    void (*run)(const CommandLine&, Words);
};

constexpr std::array commands{
    Command{"list", 0, 0, "no argument", {"json"}, list},
    Command{"show", 0, 1, "[DEV]", {"json"}, show},
    Command{"combined", 1, 2, "M [DEV]", {}, combined},
    Command{"bind", 1, 1, "DEV", {"force", "dry-run"}, bind},
    Command{"unbind", 1, 1, "DEV", {"dry-run"}, unbind},
    Command{"map", 0, 1, "[DEV]", {"json", "svg"}, map},
    Command{"info", 0, 1, "[DEV]", {"json"}, info},
    Command{"reset", 0, 1, "[DEV]", {}, reset},
    Command{"rss", 1, 4096, "show, equal N, weight W…, default, key HEX or auto, and [DEV]", {"json"}, rss},
    Command{
        "coalesce", 1, 9, "show, or rx-usecs U, rx-frames F, tx-usecs U, tx-frames F, and [DEV]", {"json"}, coalesce},
};

}  // namespace

void run_command(const CommandLine& line) {
    if (line.words.empty()) throw tools::UsageError{"no command given (see mqctl --help)"};
    const std::string& name = line.words.front();
    const auto* command =
        std::find_if(commands.begin(), commands.end(), [&](const Command& c) { return c.name == name; });
    if (command == commands.end())
        throw tools::UsageError{fmt::format("unknown command '{}' (see mqctl --help)", name)};

    const Words words = Words{line.words}.subspan(1);
    if (words.size() < command->least_words || words.size() > command->most_words) {
        throw tools::UsageError{fmt::format("{} takes {}, not {} words", name, command->takes, words.size())};
    }
    for (const char* option : {"json", "force", "dry-run", "svg"}) {
        const auto& allowed = command->options;
        if (line.has(option) && std::find(allowed.begin(), allowed.end(), option) == allowed.end()) {
            throw tools::UsageError{fmt::format("{} has no --{}", name, option)};
        }
    }
    command->run(line, words);
}

}  // namespace vmq::mqctl
