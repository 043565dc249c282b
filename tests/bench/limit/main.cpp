// vmq_bench_limit: how fast two cores can hand each other the lines of a virtqueue, and how long one line takes.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "affinity/cpu_set.hpp"
#include "affinity/thread.hpp"
#include "tests/bench/limit/rings.hpp"
#include "tools/common/command_line.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/numbers.hpp"

namespace {

using namespace vmq;
using namespace vmq::bench;
using Clock = std::chrono::steady_clock;

constexpr std::string_view usage = R"(Usage: vmq_bench_limit [OPTIONS]

Moves the cache lines that a virtqueue must move between a driver's and a device's core, and no others, and
prints packets a second for each ring layout, job, burst and number of lines that a packet itself has.
)";

struct Settings {
    std::array<affinity::CpuId, 2> cpus;  // the driver's, the device's
    std::chrono::milliseconds time{100};  // of each measurement
    // What is measured; nothing given: all.
    std::optional<std::string> layout;
    std::optional<std::string> job;
    std::optional<std::uint64_t> burst;
    std::optional<std::uint64_t> packet_lines;
};

// Whether a measurement is among those that were asked for.
template <typename Wish, typename Value>
bool wanted(const std::optional<Wish>& wish, const Value& value) {
    return !wish || *wish == value;
}

void keep(std::uint64_t value) noexcept { asm volatile("" : : "r"(value)); }

template <typename Ring>
struct Field {
    explicit Field(unsigned packet_lines) noexcept : packets(packet_lines) {}
    Ring transmit;
    Ring receive;
    PacketLines packets;
};

// Each job: one turn of the driver, which returns the packets that are done, and one of the device.
struct Send {
    static constexpr const char* name = "send";
    static std::uint32_t driver(auto& field, std::uint32_t burst) noexcept {
        auto& ring = field.transmit;
        if (ring.free() >= burst) {
            ring.publish(burst, [&](std::uint32_t i) { field.packets.write(i); });
        }
        return ring.reclaim(ring_size, [](std::uint32_t) {});
    }
    static void device(auto& field, std::uint32_t burst) noexcept {
        field.transmit.complete(burst, [&](std::uint32_t i) { keep(field.packets.read(i)); });
    }
};

struct Receive {
    static constexpr const char* name = "receive";
    static std::uint32_t driver(auto& field, std::uint32_t burst) noexcept {
        auto& ring = field.receive;
        if (ring.free() >= burst) ring.publish(burst, [](std::uint32_t) {});
        return ring.reclaim(burst, [&](std::uint32_t i) { keep(field.packets.read(i)); });
    }
    static void device(auto& field, std::uint32_t burst) noexcept {
        field.receive.complete(burst, [&](std::uint32_t i) { field.packets.write(i); });
    }
};

struct Forward {  // what is received at a position is transmitted at the same one
    static constexpr const char* name = "forward";
    static std::uint32_t driver(auto& field, std::uint32_t burst) noexcept {
        if (field.receive.free() >= burst) field.receive.publish(burst, [](std::uint32_t) {});
        const std::uint32_t most = std::min(burst, field.transmit.free());
        const std::uint32_t count = field.receive.reclaim(most, [&](std::uint32_t i) { keep(field.packets.read(i)); });
        if (count != 0) field.transmit.publish(count, [&](std::uint32_t i) { field.packets.write(i); });
        field.transmit.reclaim(ring_size, [](std::uint32_t) {});
        return count;
    }
    static void device(auto& field, std::uint32_t burst) noexcept {
        Receive::device(field, burst);
        Send::device(field, burst);
    }
};

// Runs the two loops against each other on the two CPUs; `driver` returns a count, whose sum a second is returned.
template <typename Driver, typename Device>
double rate(const Settings& settings, Driver&& driver, Device&& device) {
    std::atomic<bool> started{false};
    std::atomic<bool> stopped{false};
    std::thread device_thread{[&] {
        affinity::pin_thread(settings.cpus[1]);
        started = true;
        started.notify_one();
        while (!stopped.load(std::memory_order_relaxed)) device();
    }};
    double result = 0;
    std::thread driver_thread{[&] {
        affinity::pin_thread(settings.cpus[0]);
        started.wait(false);
        const auto begin = Clock::now();
        std::uint64_t count = 0;
        auto now = begin;
        for (; now < begin + settings.time; now = Clock::now())
            for (int turn = 0; turn < 1024; ++turn) count += driver();
        stopped = true;
        result = static_cast<double>(count) / std::chrono::duration<double>(now - begin).count();
    }};
    driver_thread.join();
    device_thread.join();
    return result;
}

template <typename Ring, typename Job>
void measure(const Settings& settings, const char* layout, nlohmann::ordered_json& cells) {
    if (!wanted(settings.layout, layout) || !wanted(settings.job, Job::name)) return;
    for (const std::uint32_t burst : {1u, 8u, 32u}) {
        for (const unsigned lines : {0u, 1u, 2u}) {
            if (!wanted(settings.burst, burst) || !wanted(settings.packet_lines, lines)) continue;
            const auto field = std::make_unique<Field<Ring>>(lines);
            const double packets = rate(
                settings, [&] { return Job::driver(*field, burst); }, [&] { Job::device(*field, burst); });
            cells.push_back({{"layout", layout},
                             {"job", Job::name},
                             {"burst", burst},
                             {"packet_lines", lines},
                             {"packets_per_second", static_cast<std::uint64_t>(packets)}});
        }
    }
}

// One line to and fro: each side waits for the other's number and answers with the next. Half of a round trip.
double line_latency_ns(const Settings& settings) {
    SharedIndex ball;
    const double round_trips = rate(
        settings,
        [&, mine = std::uint32_t{0}]() mutable -> std::uint32_t {
            if (ball.value.load(std::memory_order_acquire) != mine) return 0;
            ball.value.store(mine + 1, std::memory_order_release);
            mine += 2;
            return 1;
        },
        [&, theirs = std::uint32_t{1}]() mutable {
            if (ball.value.load(std::memory_order_acquire) != theirs) return;
            ball.value.store(theirs + 1, std::memory_order_release);
            theirs += 2;
        });
    return 1e9 / round_trips / 2;
}

void declare_options(boost::program_options::options_description& options) {
    const auto word = [] { return boost::program_options::value<std::string>(); };
    auto add = options.add_options();
    add("time", word()->value_name("MS"), "of each of the measurements (default: 100)");
    add("cpus", word()->value_name("A,B"), "the driver's and the device's (default: 0,1)");
    add("layout", word()->value_name("LAYOUT"), "only split, or packed");
    add("job", word()->value_name("JOB"), "only send, receive, or forward");
    add("burst", word()->value_name("N"), "only 1, 8, or 32");
    add("packet-lines", word()->value_name("N"), "only packets that have 0, 1, or 2 lines of their own");
}

Settings read_settings(const tools::CommandLine& line) {
    if (!line.words.empty()) throw tools::UsageError{"there are only options"};
    Settings settings{};
    const auto cpus = affinity::parse_cpu_list(line.text("cpus").value_or("0,1"));
    if (cpus.size() != 2) throw tools::UsageError{"--cpus wants two CPUs, the driver's and the device's"};
    settings.cpus = {cpus[0], cpus[1]};
    if (const auto word = line.text("time"))
        settings.time = std::chrono::milliseconds{tools::parse_number(*word, "--time", 1, 60'000)};
    settings.layout = line.text("layout");
    settings.job = line.text("job");
    if (const auto word = line.text("burst")) settings.burst = tools::parse_number(*word, "--burst", 1, 32);
    if (const auto word = line.text("packet-lines"))
        settings.packet_lines = tools::parse_number(*word, "--packet-lines", 0, 2);
    return settings;
}

}  // namespace

int main(int argc, char** argv) {
    return tools::run_tool("vmq_bench_limit", [&] {
        tools::Syntax syntax{"vmq_bench_limit", usage};
        declare_options(syntax.options);
        const auto line = tools::parse_command_line(std::move(syntax), argc, argv);
        if (!line) return;
        const Settings settings = read_settings(*line);
        auto cells = nlohmann::ordered_json::array();
        const double latency = line_latency_ns(settings);
        measure<SplitLines, Send>(settings, "split", cells);
        measure<SplitLines, Receive>(settings, "split", cells);
        measure<SplitLines, Forward>(settings, "split", cells);
        measure<PackedLines, Send>(settings, "packed", cells);
        measure<PackedLines, Receive>(settings, "packed", cells);
        measure<PackedLines, Forward>(settings, "packed", cells);
        fmt::print("{}\n", nlohmann::ordered_json{{"line_latency_ns", latency}, {"cells", cells}}.dump());
    });
}
