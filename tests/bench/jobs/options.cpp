// From words to JobOptions.
#include "tests/bench/jobs/options.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/core.h>

#include <vmq/packet.hpp>

#include "tools/common/command_line.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/numbers.hpp"

namespace vmq::bench {
namespace {

namespace po = boost::program_options;

constexpr std::string_view usage = R"(Usage: vmq_bench_jobs --device DEV --job JOB [OPTIONS]

Opens DEV and prints "ready" and a JSON object. Then, for each line "go MILLISECONDS" on standard input, it
does the job for so long on every pair and prints one line of JSON; it ends at "quit" or the end of input.
With --packets it does the job once and ends. JOB is send, receive, forward or ping.
)";

void declare_options(po::options_description& options) {
    const auto word = [] { return po::value<std::string>(); };
    auto add = options.add_options();
    add("device", word()->value_name("DEV"), "vhost-user:/path/to/socket, or a PCI address");
    add("job", word()->value_name("JOB"), "send (default), receive, forward or ping");
    add("burst", word()->value_name("N"), "most packets of one call (default: 32)");
    add("size", word()->value_name("BYTES"), "send, ping: bytes of a packet (default: 64)");
    add("pairs", word()->value_name("N"), "queue pairs, a thread for each (default: 1)");
    add("ring-size", word()->value_name("N"), "descriptors of a virtqueue (default: 256)");
    add("cpus", word()->value_name("LIST"), "the threads' CPUs, in their order: 0,2");
    add("refuse", po::value<std::vector<std::string>>()->value_name("FEATURE"),
        "a feature to refuse, such as RING_PACKED; repeatable");
    add("receive-checksum", "let the device leave checksums undone");
    add("packets", word()->value_name("N"), "do the job for exactly so many packets, and end");
    add("sleep", "ping: wait for the interrupt instead of polling");
    add("yield", "give the CPU away when there is nothing to do");
}

Job parse_job(const std::string& word) {
    constexpr std::array names{"send", "receive", "forward", "ping"};
    const auto found = std::find(names.begin(), names.end(), word);
    if (found == names.end()) throw tools::UsageError{fmt::format("unknown job '{}'", word)};
    return static_cast<Job>(found - names.begin());
}

}  // namespace

std::optional<JobOptions> read_job_options(int argc, const char* const* argv) {
    using tools::parse_number;
    tools::Syntax syntax{"vmq_bench_jobs", usage};
    declare_options(syntax.options);
    const auto line = tools::parse_command_line(std::move(syntax), argc, argv);
    if (!line) return std::nullopt;
    const auto number = [&](const char* option, std::uint64_t otherwise, std::uint64_t least, std::uint64_t most) {
        const auto word = line->text(option);
        return word ? parse_number(*word, option, least, most) : otherwise;
    };
    const auto device = line->text("device");
    if (!device || !line->words.empty()) throw tools::UsageError{"--device DEV is needed, and no other words"};

    JobOptions options;
    options.device = *device;
    options.job = parse_job(line->text("job").value_or("send"));
    options.burst = number("burst", 32, 1, Batch::capacity);
    options.size = number("size", 64, 60, 1514);
    options.packets = number("packets", 0, 1, UINT64_MAX);
    options.sleep = line->has("sleep");
    options.yield = line->has("yield");
    options.library.queue_pairs = static_cast<unsigned>(number("pairs", 1, 1, 128));
    options.library.ring_size = static_cast<std::uint16_t>(number("ring-size", 256, 2, 32768));
    options.library.cpus = line->text("cpus").value_or("");
    options.library.mode = options.sleep ? Mode::interrupts : Mode::poll;
    options.library.control_socket = std::nullopt;
    options.library.receive_checksum = line->has("receive-checksum");
    if (line->has("refuse")) options.library.refused_features = line->options["refuse"].as<std::vector<std::string>>();
    return options;
}

}  // namespace vmq::bench
