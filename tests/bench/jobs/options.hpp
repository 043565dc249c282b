// The command line of vmq_bench_jobs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <vmq/options.hpp>

namespace vmq::bench {

enum class Job { send, receive, forward, ping };

struct JobOptions {
    std::string device;
    Job job = Job::send;
    std::size_t burst = 32;
    std::size_t size = 64;
    std::uint64_t packets = 0;  // 0: by the clock
    bool sleep = false;
    bool yield = false;
    Options library;
};

// std::nullopt: --help or --version has been answered. Throws tools::UsageError.
[[nodiscard]] std::optional<JobOptions> read_job_options(int argc, const char* const* argv);

}  // namespace vmq::bench
