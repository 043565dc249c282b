// vmq_bench_changes: changes the number of queue pairs at random while every pair's thread sends numbered packets to a
// backend that returns them. Prints one line of JSON: how long each change took, and what was lost or came twice.
#include <atomic>
#include <chrono>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vmq/device.hpp>

#include "tests/bench/changes/ledger.hpp"
#include "tools/common/command_line.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/numbers.hpp"

namespace {

using namespace vmq;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t packet_size = 64;
constexpr std::size_t burst = 32;
constexpr std::uint64_t window = 128;  // packets a thread has on their way at most: less than any queue holds
constexpr auto quiet_time = 2s;        // after which a packet that is not back is lost

struct Label {
    std::uint8_t ethernet[14]{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
    std::uint16_t sender = 0;
    std::uint64_t number = 0;
};

struct Load {
    std::vector<bench::Ledger> ledgers;  // by thread
    std::atomic<bool> sends{true};
    std::atomic<bool> ends{false};

    explicit Load(unsigned threads) : ledgers(threads) {}

    [[nodiscard]] std::uint64_t sum(std::uint64_t (bench::Ledger::*figure)() const noexcept) const noexcept {
        std::uint64_t total = 0;
        for (const auto& ledger : ledgers) total += (ledger.*figure)();
        return total;
    }
};

std::size_t take_returned(QueuePair& pair, Batch& batch, Load& load) {
    const std::size_t count = pair.recv(batch);
    for (Packet& packet : batch) {
        Label label;
        if (packet.bytes().size() < sizeof label) continue;
        std::memcpy(&label, packet.bytes().data(), sizeof label);
        if (label.sender >= load.ledgers.size() || label.number >= bench::Ledger::most) continue;
        bench::Ledger& ledger = load.ledgers[label.sender];
        label.sender == pair.index() ? ledger.came_back_at_home(label.number) : ledger.came_back(label.number);
    }
    pair.recycle(batch);
    return count;
}

// `batch` keeps what the device did not take: those packets are numbered already.
std::size_t send_more(QueuePair& pair, Batch& batch, bench::Ledger& ledger, unsigned sender, bool more) {
    if (batch.empty() && more && ledger.outstanding() + burst <= window && !ledger.full()) {
        pair.allocate(batch, burst, packet_size);
        Label label;
        label.sender = static_cast<std::uint16_t>(sender);
        label.number = ledger.next();
        for (Packet& packet : batch) {
            std::memcpy(packet.bytes().data(), &label, sizeof label);
            ++label.number;
        }
        ledger.sent(batch.size());
    }
    return pair.send(batch);
}

void carry(Device& device, unsigned index, Load& load) {
    QueuePair pair = device.take_queue_pair(index);
    Batch received;
    Batch sending;
    while (!load.ends.load(std::memory_order_relaxed)) {
        const bool more = load.sends.load(std::memory_order_relaxed);
        const std::size_t moved =
            take_returned(pair, received, load) + send_more(pair, sending, load.ledgers[index], index, more);
        if (moved == 0) std::this_thread::yield();
    }
}

void wait_for_the_rest(const Load& load) {
    std::uint64_t before = load.sum(&bench::Ledger::returned);
    for (auto last = Clock::now(); load.sum(&bench::Ledger::outstanding) != 0 && Clock::now() - last < quiet_time;) {
        std::this_thread::sleep_for(5ms);
        if (const auto now = load.sum(&bench::Ledger::returned); now != before) {
            before = now;
            last = Clock::now();
        }
    }
}

// Microseconds that each change took.
std::vector<double> change(Device& device, unsigned changes, std::minstd_rand& random) {
    std::vector<double> times;
    while (times.size() < changes) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1 + random() % 10));
        const auto wanted = static_cast<unsigned>(1 + random() % device.max_queue_pairs());
        if (wanted == device.queue_pairs()) continue;
        const auto begin = Clock::now();
        device.set_queue_pairs(wanted);
        times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    }
    return times;
}

void run(const std::string& address, unsigned pairs, unsigned changes, unsigned seed) {
    Options options;
    options.queue_pairs = pairs;
    options.pin_threads = false;
    options.control_socket = std::nullopt;
    Device device = Device::open(address, options);
    Load load(device.max_queue_pairs());
    std::vector<std::jthread> threads;
    for (unsigned pair = 0; pair < device.max_queue_pairs(); ++pair)
        threads.emplace_back([&device, &load, pair] { carry(device, pair, load); });
    std::minstd_rand random(seed);
    const auto begin = Clock::now();
    const std::vector<double> times = change(device, changes, random);
    const std::chrono::duration<double> took = Clock::now() - begin;
    load.sends = false;
    wait_for_the_rest(load);
    load.ends = true;
    threads.clear();
    fmt::print(
        "{{\"pairs\":{},\"seconds\":{:.3f},\"sent\":{},\"lost\":{},\"doubled\":{},\"reordered\":{},\"microseconds\":[{:"
        ".1f}]}}\n",
        device.max_queue_pairs(), took.count(), load.sum(&bench::Ledger::next), load.sum(&bench::Ledger::outstanding),
        load.sum(&bench::Ledger::doubled), load.sum(&bench::Ledger::reordered), fmt::join(times, ","));
}

}  // namespace

int main(int argc, char** argv) {
    return tools::run_tool("vmq_bench_changes", [&] {
        namespace po = boost::program_options;
        const auto word = [] { return po::value<std::string>(); };
        tools::Syntax syntax{"vmq_bench_changes", "Usage: vmq_bench_changes --socket PATH [OPTIONS]\n"};
        auto add = syntax.options.add_options();
        add("socket", word()->value_name("PATH"), "of the vhost-user backend");
        add("pairs", word()->value_name("N"), "to begin with (default: 4)");
        add("changes", word()->value_name("N"), "of the number of pairs (default: 500)");
        add("seed", word()->value_name("N"), "of the random numbers (default: 1)");
        const auto line = tools::parse_command_line(std::move(syntax), argc, argv);
        if (!line) return;
        const auto socket = line->text("socket");
        if (!socket) throw tools::UsageError{"--socket PATH is needed"};
        const auto number = [&](const char* option, const char* otherwise, unsigned most) {
            return static_cast<unsigned>(tools::parse_number(line->text(option).value_or(otherwise), option, 1, most));
        };
        run("vhost-user:" + *socket, number("pairs", "4", 128), number("changes", "500", 1'000'000),
            number("seed", "1", 1'000'000'000));
    });
}
