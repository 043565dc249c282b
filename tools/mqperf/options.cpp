// From words to PerfOptions.
#include "tools/mqperf/options.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/core.h>

#include <vmq/packet.hpp>

#include "tools/common/failure.hpp"
#include "tools/common/numbers.hpp"
#include "tools/mqperf/packets.hpp"
#include "tools/mqperf/soak_frames.hpp"

namespace vmq::mqperf {
namespace {

namespace po = boost::program_options;

constexpr std::array job_names{"send", "receive", "forward", "echo", "ping", "soak"};

// The options that only some jobs have.
struct JobOption {
    const char* name;
    std::array<std::optional<Job>, 4> jobs{};
};
constexpr std::array job_options{
    JobOption{"address", {Job::echo, Job::ping, Job::send, Job::soak}},
    JobOption{"to", {Job::send, Job::ping, Job::soak}},
    JobOption{"size", {Job::send, Job::ping, Job::soak}},
    JobOption{"rate", {Job::send, Job::ping, Job::soak}},
    JobOption{"burst", {Job::send, Job::soak}},
    JobOption{"sleep", {Job::ping}},
    JobOption{"changes", {Job::soak}},
    JobOption{"seed", {Job::soak}},
};

constexpr std::size_t largest_frame = ethernet::size + std::numeric_limits<std::uint16_t>::max();
constexpr std::size_t headroom = 128;  // of an allocated packet

Job parse_job(const std::string& word) {
    const auto found = std::find(job_names.begin(), job_names.end(), word);
    if (found == job_names.end()) {
        throw tools::UsageError{fmt::format("unknown job '{}': send, receive, forward, echo, ping or soak", word)};
    }
    return static_cast<Job>(found - job_names.begin());
}

void refuse_strange_options(const tools::CommandLine& line, Job job) {
    for (const JobOption& option : job_options) {
        if (line.has(option.name) && std::find(option.jobs.begin(), option.jobs.end(), job) == option.jobs.end()) {
            throw tools::UsageError{fmt::format("{} has no --{}", job_name(job), option.name)};
        }
    }
}

Ipv4Address read_address(const tools::CommandLine& line, const char* option, Job job) {
    const auto word = line.text(option);
    if (!word) throw tools::UsageError{fmt::format("{} needs --{}, an IPv4 address", job_name(job), option)};
    const auto address = parse_ipv4(*word);
    if (!address) throw tools::UsageError{fmt::format("'{}' is not an IPv4 address, for --{}", *word, option)};
    return *address;
}

void read_addresses(const tools::CommandLine& line, PerfOptions& options) {
    if (options.job == Job::echo || options.job == Job::ping || line.has("address")) {
        options.address = read_address(line, "address", options.job);
    } else {
        options.address = {0xc612'0001};  // 198.18.0.1, of the range that RFC 2544 sets aside for measurements
    }
    if (options.job == Job::ping) options.to_address = read_address(line, "to", options.job);
    if ((options.job == Job::send || options.job == Job::soak) && line.has("to")) {
        const auto mac = parse_mac(*line.text("to"));
        if (!mac && options.job == Job::soak) {
            options.to_address = read_address(line, "to", options.job);
            return;
        }
        if (!mac) throw tools::UsageError{fmt::format("'{}' is not a MAC address, for --to", *line.text("to"))};
        options.to_mac = *mac;
    }
}

std::vector<std::string> split_at_commas(const std::vector<std::string>& lists) {
    std::vector<std::string> words;
    for (const std::string& list : lists) {
        for (std::size_t begin = 0; begin <= list.size();) {
            const std::size_t end = std::min(list.find(',', begin), list.size());
            words.push_back(list.substr(begin, end - begin));
            begin = end + 1;
        }
    }
    return words;
}

void read_library_options(const tools::CommandLine& line, PerfOptions& options) {
    using tools::parse_number;
    Options& library = options.library;
    if (const auto word = line.text("pairs"))
        library.queue_pairs = static_cast<unsigned>(parse_number(*word, "--pairs", 1, 32768));
    if (const auto word = line.text("ring-size")) {
        library.ring_size = static_cast<std::uint16_t>(parse_number(*word, "--ring-size", 2, 32768));
    }
    library.cpus = line.text("cpus").value_or("");
    library.pin_threads = !line.has("no-pin");
    library.no_iommu = line.has("no-iommu");
    library.mode = line.has("poll") ? Mode::poll : Mode::interrupts;
    if (line.has("refuse"))
        library.refused_features = split_at_commas(line.options["refuse"].as<std::vector<std::string>>());
    if (const auto path = line.text("socket")) library.control_socket = path;
    // A frame that we build is in one buffer; the default of 1,984 bytes is changed only for frames that need more.
    if (options.size + headroom > 1984)
        library.buffer_size = static_cast<unsigned>((options.size + headroom + 63) / 64 * 64);
}

}  // namespace

std::string_view job_name(Job job) noexcept { return job_names[static_cast<std::size_t>(job)]; }

void declare_options(po::options_description& options) {
    const auto word = [] { return po::value<std::string>(); };
    auto add = options.add_options();
    add("address", word()->value_name("IP"), "echo, ping: this side's IPv4 address; send, soak: the source");
    add("to", word()->value_name("ADDR"),
        "send: the destination's MAC address (default: broadcast); ping: its IPv4 address; soak: either");
    add("pairs", word()->value_name("N"), "queue pairs to start with (default: all)");
    add("size", word()->value_name("BYTES"),
        "send, ping: bytes of an Ethernet frame (default: 64); soak: of the longest (default: 1514)");
    add("burst", word()->value_name("N"), "send, soak: most packets of one call (default: 32)");
    add("rate", word()->value_name("N"),
        "send, ping, soak: packets a second over all pairs (default: as fast as possible)");
    add("changes", word()->value_name("N"), "soak: changes of pairs, RSS and coalescing a second (default: 10)");
    add("seed", word()->value_name("N"), "soak: of all that is random (default: 1)");
    add("duration", word()->value_name("SECONDS"), "end after this time (default: on SIGINT or SIGTERM)");
    add("sleep", "ping: wait for the interrupt instead of polling");
    add("poll", "ask for no interrupts");
    add("ring-size", word()->value_name("N"), "descriptors of a virtqueue, a power of two");
    add("cpus", word()->value_name("LIST"), "the vCPUs to use, in the order of the pairs: 0-3,8");
    add("no-pin", "leave the threads where the scheduler puts them");
    add("refuse", po::value<std::vector<std::string>>()->value_name("FEATURE,..."),
        "features to refuse, such as EVENT_IDX; repeatable");
    add("no-iommu", "drive the device even if nothing protects this machine's memory from it");
    add("socket", word()->value_name("PATH"), "the control socket (default: /run/vmq/ADDRESS.sock)");
    add("json,j", "the summary as an array with one object for each device");
}

PerfOptions read_options(const tools::CommandLine& line) {
    using tools::parse_number;
    if (line.words.empty())
        throw tools::UsageError{"no job given: send, receive, forward, echo, ping or soak (see mqperf --help)"};
    if (line.words.size() > 2) throw tools::UsageError{"too many words: JOB [DEV]"};

    PerfOptions options;
    options.job = parse_job(line.words[0]);
    if (line.words.size() == 2) options.device = line.words[1];
    refuse_strange_options(line, options.job);
    read_addresses(line, options);
    if (options.job == Job::soak) options.size = 1514;
    if (const auto word = line.text("size")) {
        const std::size_t least = options.job == Job::soak ? smallest_soak_frame : smallest_ip_frame;
        options.size = parse_number(*word, "--size", least, largest_frame);
    }
    if (const auto word = line.text("changes")) options.changes = parse_number(*word, "--changes", 0, 1000);
    if (const auto word = line.text("seed")) options.seed = parse_number(*word, "--seed", 0, 1'000'000'000);
    if (const auto word = line.text("burst")) options.burst = parse_number(*word, "--burst", 1, Batch::capacity);
    if (const auto word = line.text("rate")) options.rate = parse_number(*word, "--rate", 1, 1'000'000'000);
    if (const auto word = line.text("duration")) options.duration = tools::parse_seconds(*word, "--duration");
    options.sleep = line.has("sleep");
    options.json = line.has("json");
    read_library_options(line, options);
    return options;
}

}  // namespace vmq::mqperf
