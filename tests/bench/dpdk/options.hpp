// The command line of both DPDK programs; the frontend's is the same as vmq_bench_jobs'.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

enum class Job { send, receive, forward, ping };
enum class Mode { drop, flood, forward, both };

struct Options {
    std::string socket;
    Job job = Job::send;
    Mode mode = Mode::drop;  // of the backend
    unsigned burst = 32;
    unsigned size = 64;
    unsigned pairs = 1;
    unsigned ring_size = 256;
    std::vector<unsigned> cpus;  // one thread for each pair, round robin
    std::uint64_t packets = 0;   // 0: by the clock
    bool packed = false;
    bool in_order = false;
    bool mergeable = false;
    bool vectorized = false;
    bool sleep = false;
    bool yield = false;  // give the processor away when there is nothing to do
};

// Ends the program with a message when the command line makes no sense.
Options parse_options(int argc, char** argv);

constexpr unsigned max_burst = 64;

}  // namespace bench
