// vmq_bench_backend: the minimal vhost-user backend as a program.
#include <array>
#include <csignal>
#include <cstdio>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <sys/signalfd.h>
#include <thread>
#include <unistd.h>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "affinity/cpu_set.hpp"
#include "driver/support/event_fd.hpp"
#include "driver/virtio/features.hpp"
#include "tests/bench/backend/backend.hpp"
#include "tests/bench/backend/protocol.hpp"
#include "tools/common/command_line.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/numbers.hpp"

namespace {

using namespace vmq;

constexpr std::string_view usage = R"(Usage: vmq_bench_backend --socket PATH [OPTIONS]

A vhost-user network device that does as little as possible. It listens on PATH and serves one frontend
after another until SIGTERM or SIGINT; then, and for each line "stats" on standard input, it prints its
counters as a JSON object.
)";

void declare_options(boost::program_options::options_description& options) {
    namespace po = boost::program_options;
    const auto word = [] { return po::value<std::string>(); };
    auto add = options.add_options();
    add("socket", word()->value_name("PATH"), "the UNIX socket");
    add("connect", "connect to a frontend that listens there");
    add("pairs", word()->value_name("N"), "queue pairs to offer (default: 1)");
    add("threads", word()->value_name("N"), "threads that the pairs are spread over (default: one for each)");
    add("cpus", word()->value_name("LIST"), "the threads' CPUs, in their order: 1,3");
    add("yield", "give the CPU away when there is nothing to do");
    add("mode", word()->value_name("MODE"), "drop (default), flood, both, or forward");
    add("size", word()->value_name("BYTES"), "of the packets that it makes (default: 64)");
    add("burst", word()->value_name("N"), "most packets at a time (default: 32)");
    add("inject", word()->value_name("N"), "forward: packets it puts into circulation (default: 64)");
    const auto misdeeds =
        fmt::format("break a rule on pair 0 now and then: {}", fmt::join(bench::misdeed_names(), ", "));
    add("misbehave", word()->value_name("KIND"), misdeeds.c_str());
    add("after", word()->value_name("N"), "packets between two misdeeds (default: 10000)");
    add("times", word()->value_name("N"), "misdeeds, after which pair 0 delivers nothing any more (default: 1000000)");
    add("without", po::value<std::vector<std::string>>()->value_name("FEATURE"),
        "a feature not to offer: RING_PACKED, IN_ORDER, MRG_RXBUF, EVENT_IDX, ..., PROTOCOL_FEATURES; repeatable");
}

bench::Mode parse_mode(const std::string& word) {
    if (word == "drop") return bench::Mode::drop;
    if (word == "flood") return bench::Mode::flood;
    if (word == "both") return bench::Mode::both;
    if (word == "forward") return bench::Mode::forward;
    throw tools::UsageError{fmt::format("unknown mode '{}': drop, flood, both or forward", word)};
}

std::optional<bench::Misbehaviour> read_misbehaviour(const tools::CommandLine& line, bench::Mode mode) {
    const auto kind = line.text("misbehave");
    if (!kind) return std::nullopt;
    const auto after = tools::parse_number(line.text("after").value_or("10000"), "after", 1, 1'000'000'000);
    const auto most = tools::parse_number(line.text("times").value_or("1000000"), "times", 1, 1'000'000'000);
    if (mode == bench::Mode::forward) throw tools::UsageError{"--misbehave: not in mode forward"};
    try {
        return bench::Misbehaviour{bench::parse_misdeed(*kind), after, most};
    } catch (const std::out_of_range& error) {
        throw tools::UsageError{fmt::format("{}: {}", error.what(), fmt::join(bench::misdeed_names(), ", "))};
    }
}

std::uint64_t offered_features(const tools::CommandLine& line) {
    std::uint64_t features = bench::all_features();
    if (!line.has("without")) return features;
    for (const auto& word : line.options["without"].as<std::vector<std::string>>()) {
        features &= word == "PROTOCOL_FEATURES" ? ~bench::protocol_features_bit
                                                : ~virtio::FeatureSet{virtio::parse_feature(word)}.bits();
    }
    return features;
}

bench::BackendOptions read_options(const tools::CommandLine& line) {
    bench::BackendOptions options;
    const auto socket = line.text("socket");
    if (!socket || !line.words.empty()) throw tools::UsageError{"--socket PATH is needed, and no other words"};
    const auto number = [&](const char* option, unsigned& value, unsigned least, unsigned most) {
        if (const auto word = line.text(option))
            value = static_cast<unsigned>(tools::parse_number(*word, option, least, most));
    };
    options.socket = *socket;
    options.connect = line.has("connect");
    number("pairs", options.pairs, 1, 128);
    number("threads", options.threads, 1, 128);
    for (const affinity::CpuId cpu : affinity::parse_cpu_list(line.text("cpus").value_or("")))
        options.cpus.push_back(cpu.value);
    options.yield = line.has("yield");
    options.mode = parse_mode(line.text("mode").value_or("drop"));
    number("size", options.size, 14, 65535);
    number("burst", options.burst, 1, 256);
    number("inject", options.inject, 0, 32768);
    options.misbehaviour = read_misbehaviour(line, options.mode);
    options.features = offered_features(line);
    if (options.misbehaviour && options.misbehaviour->kind == bench::Misdeed::checksum_beyond)
        options.features |= virtio::FeatureSet{virtio::Feature::guest_csum}.bits();
    return options;
}

support::UniqueFd end_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    return support::UniqueFd{::signalfd(-1, &set, SFD_CLOEXEC)};
}

void print_counters(const bench::Backend& backend) {
    fmt::print("{}\n", backend.counters_as_json());
    std::fflush(stdout);
}

// Returns at the first signal.
void answer_until_signal(const bench::Backend& backend, int signals) {
    std::array<pollfd, 2> waiting{{{signals, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    std::string text;
    for (;;) {
        if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
        if (waiting[0].revents != 0) return;
        std::array<char, 256> chunk;
        const ssize_t count = ::read(STDIN_FILENO, chunk.data(), chunk.size());
        if (count <= 0) waiting[1].fd = -1;  // its end is not ours
        if (count > 0) text.append(chunk.data(), static_cast<std::size_t>(count));
        for (std::size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
            if (text.compare(0, end, "stats") == 0) print_counters(backend);
    }
}

}  // namespace

int main(int argc, char** argv) {
    return tools::run_tool("vmq_bench_backend", [&] {
        tools::Syntax syntax{"vmq_bench_backend", usage};
        declare_options(syntax.options);
        const auto line = tools::parse_command_line(std::move(syntax), argc, argv);
        if (!line) return;
        const support::UniqueFd signals = end_signals();
        bench::Backend backend{read_options(*line)};
        const support::EventFd stop;
        std::thread serving{[&] { backend.run(stop.fd()); }};
        answer_until_signal(backend, signals.get());
        stop.signal();
        serving.join();
        print_counters(backend);
    });
}
