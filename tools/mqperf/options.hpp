// mqperf's command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <vmq/options.hpp>

#include "tools/common/command_line.hpp"
#include "tools/mqperf/wire.hpp"

namespace vmq::mqperf {

enum class Job { send, receive, forward, echo, ping };

[[nodiscard]] std::string_view job_name(Job job) noexcept;

struct PerfOptions {
    Job job = Job::receive;
    std::optional<std::string> device;
    Options library;  // what Device::open takes

    Ipv4Address address;                // echo, ping: this side's; send: the packets' source
    MacAddress to_mac = broadcast_mac;  // send
    Ipv4Address to_address;             // ping
    std::size_t size = 64;              // bytes of the Ethernet frame that send and ping build
    std::size_t burst = 32;             // send: most packets of one call
    std::uint64_t rate = 0;             // send, ping: packets a second over all pairs, 0: as fast as possible
    bool sleep = false;                 // ping: waits for the interrupt instead of polling
    std::optional<std::chrono::nanoseconds> duration;  // std::nullopt: until a signal
    bool json = false;
};

void declare_options(boost::program_options::options_description& options);
// Throws tools::UsageError, also for an option that has no meaning for the job.
[[nodiscard]] PerfOptions read_options(const tools::CommandLine& line);

}  // namespace vmq::mqperf
