// mqstat: counters of virtio-net queue pairs, in the manner of vmstat.
#include "tools/common/command_line.hpp"
#include "tools/common/device_name.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/signals.hpp"
#include "tools/mqstat/options.hpp"
#include "tools/mqstat/watch.hpp"

namespace {

constexpr std::string_view usage = R"(Usage: mqstat [DEV] [INTERVAL [COUNT]] [OPTIONS]

Prints one row for each queue pair: state, vCPU, packets, bytes, drops, interrupts, notifies. The
first table counts since the application's start, the others since the table before. INTERVAL is in
seconds; COUNT tables are printed, or without it tables until ^C, which ends with a summary.

DEV is a PCI address (0000:00:04.0 or 00:04.0), a kernel interface name, vhost-user:/path,
or the path of a control socket. It may be left out where there is only one.
Exit codes: 0 done, 1 failed, 2 usage, 3 no such device or nobody drives it, 4 not permitted,
6 timed out.
)";

}  // namespace

int main(int argc, char** argv) {
    using namespace vmq;
    return tools::run_tool("mqstat", [&] {
        tools::Syntax syntax{"mqstat", usage};
        syntax.options.add_options()("interrupts,i",
                                     "one row for each vector: the kernel's count on every vCPU, and the driver's")(
            "json,j", "every table as one line: an array with one object for each device");
        const auto line = tools::parse_command_line(std::move(syntax), argc, argv);
        if (!line) return;
        const mqstat::When when = mqstat::parse_words(line->words);
        const std::string device = tools::driven_device(when.device);
        tools::block_end_signals();
        tools::on_device(device, [&] {
            ControlClient client = tools::connect(device);
            mqstat::watch(client, when, {.interrupts = line->has("interrupts"), .json = line->has("json")});
        });
    });
}
