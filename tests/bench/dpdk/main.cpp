// vmq_bench_dpdk: the benchmark's jobs on DPDK's virtio_user. Says `ready {...}`, then runs the job for each line
// `go MILLISECONDS` on its standard input and answers with one line of JSON; with --packets it runs once and ends.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <rte_eal.h>
#include <rte_version.h>
#include <string>
#include <thread>

#include "tests/bench/dpdk/eal.hpp"
#include "tests/bench/dpdk/jobs.hpp"

namespace {

using namespace bench;

std::string round_trip_report(std::vector<std::uint32_t>& round_trips) {
    if (round_trips.empty()) return R"({"p50_ns":null,"p99_ns":null,"count":0})";
    const auto at = [&](std::size_t percent) {
        const auto place = round_trips.begin() + static_cast<std::ptrdiff_t>((round_trips.size() - 1) * percent / 100);
        std::nth_element(round_trips.begin(), place, round_trips.end());
        return std::to_string(*place);
    };
    return R"({"p50_ns":)" + at(50) + R"(,"p99_ns":)" + at(99) + R"(,"count":)" + std::to_string(round_trips.size()) +
           "}";
}

std::string report(const Options& options, std::vector<Outcome>& outcomes) {
    if (options.job == Job::ping) {
        std::vector<std::uint32_t> all;
        for (const auto& outcome : outcomes)
            all.insert(all.end(), outcome.round_trips.begin(), outcome.round_trips.end());
        return round_trip_report(all);
    }
    Outcome sum;
    for (const auto& outcome : outcomes) {
        sum.packets += outcome.packets;
        sum.seconds = std::max(sum.seconds, outcome.seconds);
    }
    char text[96];
    std::snprintf(text, sizeof text, R"({"packets":%llu,"seconds":%.9f})", static_cast<unsigned long long>(sum.packets),
                  sum.seconds);
    return text;
}

// One round on every pair: so long, or so many packets.
std::string round(const Options& options, const Port& port, std::chrono::milliseconds time) {
    Limit limit;
    if (options.packets != 0) limit.packets = options.packets / options.pairs;
    std::vector<Outcome> outcomes(options.pairs);
    start_on_lcores(options.pairs, [&](unsigned pair) { outcomes[pair] = run_job(options, port, pair, limit); });
    if (options.packets == 0) {
        std::this_thread::sleep_for(time);
        limit.stop = true;
    }
    finish_on_lcores(options.pairs);
    return report(options, outcomes);
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = parse_options(argc, argv);
    start_eal(options, virtio_user_arguments(options));
    const Port port = start_port(options);
    std::cout << R"(ready {"peer":")" << rte_version() << R"(","routines":)" << chosen_routines(port)
              << R"(,"huge_pages":)" << (rte_eal_has_hugepages() != 0 ? "true" : "false") << "}" << std::endl;
    if (options.packets != 0) {
        std::cout << round(options, port, {}) << std::endl;
    } else {
        for (std::string command; std::cin >> command && command == "go";) {
            long milliseconds = 0;
            if (!(std::cin >> milliseconds) || milliseconds <= 0) fail("go wants a number of milliseconds");
            std::cout << round(options, port, std::chrono::milliseconds(milliseconds)) << std::endl;
        }
    }
    stop_port(port);
    rte_eal_cleanup();
}
