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

enum class Job { send, receive, forward, echo, ping, soak };

[[nodiscard]] std::string_view job_name(Job job) noexcept;

struct PerfOptions {
    Job job = Job::receive;
    std::optional<std::string> device;
    Options library;  // what Device::open takes

    Ipv4Address address;                // echo, ping: this side's; send, soak: the packets' source
    MacAddress to_mac = broadcast_mac;  // send, soak
    Ipv4Address to_address;             // ping, soak; soak: 0 where to_mac is known
    std::size_t size = 64;              // bytes of the Ethernet frame that send and ping build; soak: of the longest
    std::size_t burst = 32;             // send, soak: most packets of one call
    std::uint64_t rate = 0;             // send, ping, soak: packets a second over all pairs, 0: as fast as possible
    std::uint64_t changes = 10;         // soak: of settings, a second
    std::uint64_t seed = 1;             // soak: of all that is random
    bool sleep = false;                 // ping: waits for the interrupt instead of polling
    std::optional<std::chrono::nanoseconds> duration;  // std::nullopt: until a signal
    bool json = false;
};

void declare_options(boost::program_options::options_description& options);
// Throws tools::UsageError, also for an option that has no meaning for the job.
[[nodiscard]] PerfOptions read_options(const tools::CommandLine& line);

}  // namespace vmq::mqperf
