// mqperf: traffic on every queue pair of a virtio-net device.
#include "tools/common/command_line.hpp"
#include "tools/common/device_name.hpp"
#include "tools/common/failure.hpp"
#include "tools/mqperf/options.hpp"
#include "tools/mqperf/run.hpp"

namespace {

constexpr std::string_view usage = R"(Usage: mqperf JOB [DEV] [OPTIONS]

  send       UDP packets as fast as they go, or at --rate
  receive    count what arrives
  forward    exchange the MAC addresses of what arrives and send it back
  echo       answer ARP, ICMP echo and UDP for --address
  ping       measure round trips to --to with ICMP echo
  soak       send known packets to somebody who sends them back (UDP echo at --to), while the number of pairs, RSS and
             coalescing change at random; tell what was lost, doubled, damaged or out of order

DEV is a PCI address (0000:00:04.0 or 00:04.0) of a function that is bound to vfio-pci (mqctl bind);
it may be left out where there is only one. Or it is a vhost-user backend: vhost-user:/path/to/socket,
with ,server behind it to listen there and ,queues=N for the number of queue pairs. One thread serves each queue pair; mqctl and mqstat work
on the running program. A summary comes at the end.
Exit codes: 0 done, 1 failed, 2 usage, 3 no such device, 4 not permitted, 5 refused by the device,
6 timed out.
)";

}  // namespace

int main(int argc, char** argv) {
    using namespace vmq;
    return tools::run_tool("mqperf", [&] {
        tools::Syntax syntax{"mqperf", usage};
        mqperf::declare_options(syntax.options);
        const auto line = tools::parse_command_line(std::move(syntax), argc, argv);
        if (!line) return;
        const mqperf::PerfOptions options = mqperf::read_options(*line);
        mqperf::run(tools::free_device(options.device), options);
    });
}
