// The words of the tools' command lines, and the names, numbers and lists in them.
#include "tools/common/command_line.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <boost/program_options.hpp>

#include <vmq/packet.hpp>
#include <vmq/steering.hpp>

#include "affinity/cpu_set.hpp"
#include "driver/control/socket_path.hpp"
#include "driver/vfio/pci_address.hpp"
#include "driver/vhost/address.hpp"
#include "driver/virtio/features.hpp"
#include "tests/fuzz/harness/input.hpp"
#include "tests/fuzz/harness/require.hpp"
#include "tests/fuzz/harness/targets.hpp"
#include "tools/common/device_name.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/numbers.hpp"
#include "tools/mqctl/channels.hpp"
#include "tools/mqctl/coalesce.hpp"
#include "tools/mqctl/rss.hpp"
#include "tools/mqperf/options.hpp"
#include "tools/mqperf/wire.hpp"
#include "tools/mqstat/options.hpp"

namespace vmq::fuzz {
namespace {

using Words = std::vector<std::string>;

// Lines are words.
Words read_words(Input& input) {
    Words words;
    std::string_view text = as_text(input.rest());
    while (!text.empty() && words.size() < 64) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        words.emplace_back(line.substr(0, line.find('\0')));  // where an argument ends
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

// Whether it makes sense; what does not is refused with an exit code of its own.
template <typename Parse>
std::size_t makes_sense(Parse parse) {
    try {
        parse();
        return 1;
    } catch (const tools::Failure& failure) {
        require(failure.exit() == tools::Exit::usage, "a bad command line is an error of usage");
        require(*failure.what() != '\0', "an error of usage says what is wrong");
        return 0;
    }
}

std::optional<tools::CommandLine> parse_line(tools::Syntax syntax, const Words& words) {
    std::vector<const char*> arguments{"tool"};
    for (const std::string& word : words) {
        // They print to standard output, and that is all.
        if (word.starts_with("--he") || word.starts_with("--ver") ||
            (word.starts_with("-") && word.find_first_of("hV") != std::string::npos))
            return std::nullopt;
        arguments.push_back(word.c_str());
    }
    return tools::parse_command_line(std::move(syntax), static_cast<int>(arguments.size()), arguments.data());
}

std::size_t parse_mqperf(const Words& words) {
    return makes_sense([&] {
        tools::Syntax syntax{"mqperf", ""};
        mqperf::declare_options(syntax.options);
        const auto line = parse_line(std::move(syntax), words);
        if (!line) return;
        const mqperf::PerfOptions options = mqperf::read_options(*line);
        require(options.burst >= 1 && options.burst <= Batch::capacity, "a burst fits into a batch");
        require(options.library.queue_pairs <= 32768, "the number of pairs is possible");
    });
}

std::size_t parse_mqctl(const Words& words) {
    std::size_t through = makes_sense([&] {
        tools::Syntax syntax{"mqctl", ""};
        syntax.options.add_options()("json,j", "")("force", "")("dry-run", "")(
            "svg", boost::program_options::value<std::string>(), "");
        static_cast<void>(parse_line(std::move(syntax), words));
    });
    if (words.empty()) return through;
    through += makes_sense([&] { static_cast<void>(mqctl::parse_pair_count(words[0])); });
    through += makes_sense([&] {
        const std::size_t own = mqctl::rss_words(words);
        require(own >= 1 && own <= words.size(), "a command takes some of its words");
        const RssSettings settings = mqctl::changed_settings({}, std::span{words}.first(own));
        require(settings.table.empty(), "no words make a table");
    });
    through += makes_sense([&] {
        const std::size_t own = mqctl::coalesce_words(words);
        require(own >= 1 && own <= words.size(), "a command takes some of its words");
        static_cast<void>(mqctl::changed_coalescing({}, std::span{words}.first(own)));
    });
    return through;
}

// What a word may be: an address, a path, a number, a list.
std::size_t parse_word(const std::string& word) {
    std::size_t through = 0;
    const auto system_error_or = [&](auto parse) {
        try {
            parse();
            ++through;
        } catch (const std::system_error&) {
        } catch (const std::invalid_argument&) {
        }
    };
    const auto address = vfio::parse_pci_address(word);
    require(address == tools::pci_address(word), "library and tools agree on PCI addresses");
    if (address) require(vfio::parse_pci_address(*address) == address, "a PCI address in its long form is itself");
    if (const auto backend = vhost::parse_address(word)) {
        ++through;
        if (!backend->path.empty()) require(backend->path.front() == '/', "a backend's path is absolute");
        static_cast<void>(control::socket_path(backend->name()));
    }
    static_cast<void>(control::socket_path(word));
    system_error_or([&] {
        const affinity::CpuSet cpus = affinity::CpuSet::parse(word);
        require(affinity::CpuSet::parse(cpus.to_string()) == cpus, "a CPU list that was printed is read as the same");
    });
    system_error_or([&] { static_cast<void>(affinity::parse_cpu_list(word)); });
    system_error_or([&] { static_cast<void>(virtio::parse_feature(word)); });
    system_error_or([&] { static_cast<void>(steering::Address::parse(word)); });
    through += makes_sense([&] {
        const std::uint64_t number = tools::parse_number(word, "a number", 1, 4096);
        require(number >= 1 && number <= 4096, "a number is inside its range");
    });
    through += makes_sense(
        [&] { require(tools::parse_seconds(word, "seconds").count() > 0, "a duration is greater than zero"); });
    through += makes_sense([&] { static_cast<void>(mqctl::parse_key(word)); });
    through += mqperf::parse_ipv4(word).has_value();
    through += mqperf::parse_mac(word).has_value();
    return through;
}

}  // namespace

std::size_t command_line(std::span<const std::byte> bytes) {
    Input input{bytes};
    const std::uint8_t kind = input.below(4);
    const Words words = read_words(input);
    if (kind == 0) return parse_mqperf(words);
    if (kind == 1) return parse_mqctl(words);
    if (kind == 2) return makes_sense([&] { static_cast<void>(mqstat::parse_words(words)); });
    std::size_t through = 0;
    for (const std::string& word : words) through += parse_word(word);
    return through;
}

}  // namespace vmq::fuzz
