// DPDK's environment.
#include "tests/bench/dpdk/eal.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <thread>

namespace bench {
namespace {

// Lcore 0 waits for commands wherever the system puts it; lcore n + 1 has pair n.
std::string lcore_map(const Options& options) {
    std::string map = "0@(0-" + std::to_string(std::thread::hardware_concurrency() - 1) + ")";
    for (unsigned pair = 0; pair < options.pairs; ++pair)
        map += "," + std::to_string(pair + 1) + "@" + std::to_string(options.cpus[pair % options.cpus.size()]);
    return map;
}

bool huge_pages_free() {
    std::ifstream count("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
    unsigned long pages = 0;
    return count >> pages && pages >= 64;
}

}  // namespace

void start_eal(const Options& options, const std::string& vdev) {
    std::vector<std::string> words{"bench", "--lcores", lcore_map(options), "--no-pci", "--no-telemetry",
                                   "--single-file-segments",
                                   // Without this DPDK leaves its 512-bit routines aside.
                                   "--force-max-simd-bitwidth=512", "--iova-mode=va", "--log-level=4", "-m", "96"};
    if (huge_pages_free())
        words.emplace_back("--in-memory");
    else
        words.insert(words.end(), {"--no-huge", "--no-shconf"});
    if (!vdev.empty()) words.insert(words.end(), {"--vdev", vdev});
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0)
        fail(std::string("rte_eal_init: ") + rte_strerror(rte_errno));
}

void start_on_lcores(unsigned pairs, const std::function<void(unsigned)>& work) {
    static std::function<void(unsigned)> current;
    current = work;
    const auto entry = [](void*) {
        current(rte_lcore_id() - 1);
        return 0;
    };
    for (unsigned pair = 0; pair < pairs; ++pair)
        if (rte_eal_remote_launch(entry, nullptr, pair + 1) != 0) fail("rte_eal_remote_launch");
}

void finish_on_lcores(unsigned pairs) {
    for (unsigned pair = 0; pair < pairs; ++pair) rte_eal_wait_lcore(pair + 1);
}

void fail(const std::string& what) {
    std::fprintf(stderr, "%s\n", what.c_str());
    std::exit(1);
}

}  // namespace bench
