// vmq_bench_open: what a device with many pairs costs to open, in time and memory, on a device that needs neither.
// Opens it with all pairs in use and prints one line of JSON. Its own process, so that the resident memory is that one
// device's.
#include <chrono>
#include <fstream>
#include <string>

#include <fmt/core.h>

#include <vmq/device.hpp>

#include "driver/device_factory.hpp"
#include "tests/bench/counted/transport.hpp"
#include "tools/common/command_line.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/numbers.hpp"

namespace {

using namespace vmq;
using Clock = std::chrono::steady_clock;

std::size_t resident_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        if (word != "VmRSS:") continue;
        std::size_t kib = 0;
        status >> kib;
        return kib * 1024;
    }
    return 0;
}

void open(unsigned pairs, bool packed) {
    using virtio::Feature;
    bench::InlineDevice device;
    device.pairs = pairs;
    device.vectors = 2 * pairs + 2;
    for (const Feature feature : {Feature::version_1, Feature::event_idx, Feature::indirect_desc, Feature::mrg_rxbuf})
        device.features.add(feature);
    if (pairs > 1) {
        device.features.add(Feature::mq);
        device.features.add(Feature::ctrl_vq);
    }
    if (packed) device.features.add(Feature::ring_packed);
    Options options;
    options.queue_pairs = pairs;
    options.placement = PlacementPolicy::none;
    options.pin_threads = false;
    options.control_socket = std::nullopt;
    const std::size_t before = resident_bytes();
    const auto begin = Clock::now();
    const Device vmq = DeviceFactory::open(std::make_unique<bench::InlineTransport>(device), options);
    const std::chrono::duration<double> took = Clock::now() - begin;
    fmt::print("{{\"pairs\":{},\"seconds\":{:.6f},\"allocated\":{},\"resident\":{},\"resident_before\":{}}}\n",
               vmq.queue_pairs(), took.count(), device.memory, resident_bytes(), before);
}

}  // namespace

int main(int argc, char** argv) {
    return tools::run_tool("vmq_bench_open", [&] {
        namespace po = boost::program_options;
        tools::Syntax syntax{"vmq_bench_open", "Usage: vmq_bench_open --pairs N [OPTIONS]\n"};
        auto add = syntax.options.add_options();
        add("pairs", po::value<std::string>()->value_name("N"), "queue pairs (default: 1)");
        add("packed", "packed rings");
        const auto line = tools::parse_command_line(std::move(syntax), argc, argv);
        if (!line) return;
        open(static_cast<unsigned>(tools::parse_number(line->text("pairs").value_or("1"), "pairs", 1, 256)),
             line->has("packed"));
    });
}
