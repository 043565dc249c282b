// mqctl: shows and changes the queue pairs of virtio-net devices.
#include "tools/common/command_line.hpp"
#include "tools/common/failure.hpp"
#include "tools/mqctl/commands.hpp"

namespace {

constexpr std::string_view usage = R"(Usage: mqctl COMMAND [ARGUMENTS] [OPTIONS]

  list               every virtio-net function: interface, driver, IOMMU group, process, queue pairs now/max
  show [DEV]         the number of queue pairs, in the layout of ethtool -l
  combined M [DEV]   change the number of queue pairs of the running application
  bind DEV           give the function to vfio-pci
  unbind DEV         give the function back to the kernel's driver
  map [DEV] [--svg FILE]
                     which pair has which vectors, IRQs, vCPUs and thread
  rss show [DEV]     where flows arrive, in the layout of ethtool -x
  rss equal N, rss weight W..., rss default, rss key HEX [DEV]
                     shares for pairs 0 to N-1, for each pair, for all pairs in use; another hash key
  rss auto [DEV]     move flows from busy pairs to idle ones until the busiest is within 10 % of the mean
  coalesce show [DEV]
                     how long the device may hold interrupts back, in the layout of ethtool -c
  coalesce rx-usecs U rx-frames F tx-usecs U tx-frames F [DEV]
                     an interrupt after U microseconds or F packets, whichever is earlier; 0: after each packet
  reset [DEV]        reset the device and set it up again as it was
  info [DEV]         features, rings, MTU, MAC, link, filters, IOMMU mode, vectors, memory

DEV is a PCI address (0000:00:04.0 or 00:04.0), a kernel interface name, vhost-user:/path,
or the path of a control socket. It may be left out where there is only one.
Exit codes: 0 done, 1 failed, 2 usage, 3 no such device or nobody drives it, 4 not permitted,
5 refused by the device, 6 timed out.
)";

}  // namespace

int main(int argc, char** argv) {
    using namespace vmq;
    return tools::run_tool("mqctl", [&] {
        tools::Syntax syntax{"mqctl", usage};
        syntax.options.add_options()(
            "json,j", "list, show, map, info, rss show, coalesce show: an array with one object for each device")(
            "force", "bind: also when the interface carries an address or a route")(
            "dry-run", "bind, unbind: print what would be written and change nothing")(
            "svg", boost::program_options::value<std::string>()->value_name("FILE"),
            "map: draw it into this file instead");
        if (const auto line = tools::parse_command_line(std::move(syntax), argc, argv)) mqctl::run_command(*line);
    });
}
