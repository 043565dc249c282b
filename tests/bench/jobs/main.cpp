// vmq_bench_jobs: the benchmark's jobs on vmq, for the harness that runs DPDK's beside them.
#include <iostream>
#include <sstream>
#include <string>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "tests/bench/jobs/rounds.hpp"
#include "tools/common/failure.hpp"

namespace {

using namespace vmq;

void print(const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
}

std::string ready_line(const Device& device) {
    const Info info = device.info();
    return "ready " + nlohmann::ordered_json{{"peer", "vmq"},
                                             {"ring_layout", info.ring_layout},
                                             {"ring_size", info.ring_size},
                                             {"pairs", info.queue_pairs},
                                             {"features", info.feature_names}}
                          .dump();
}

void obey(bench::Rounds& rounds) {
    for (std::string line; std::getline(std::cin, line) && line != "quit";) {
        std::istringstream words{line};
        std::string command;
        long milliseconds = 0;
        if (!(words >> command >> milliseconds) || command != "go" || milliseconds <= 0)
            throw tools::UsageError{fmt::format("'{}' is neither \"go MILLISECONDS\" nor \"quit\"", line)};
        print(rounds.run(std::chrono::milliseconds{milliseconds}));
    }
}

}  // namespace

int main(int argc, char** argv) {
    return tools::run_tool("vmq_bench_jobs", [&] {
        const auto options = bench::read_job_options(argc, argv);
        if (!options) return;
        Device device = Device::open(options->device, options->library);
        bench::Rounds rounds{device, *options};
        print(ready_line(device));
        if (options->packets != 0) {
            print(rounds.run({}));
        } else {
            obey(rounds);
        }
    });
}
