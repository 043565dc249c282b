// Threads for all pairs the device can have, so that `mqctl combined` works in both directions while they run.
#include "tools/mqperf/run.hpp"

#include <algorithm>
#include <cstdio>
#include <future>
#include <unistd.h>
#include <vector>

#include <fmt/core.h>

#include <vmq/device.hpp>

#include "tools/common/counters.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/signals.hpp"
#include "tools/mqperf/jobs.hpp"
#include "tools/mqperf/shared.hpp"

namespace vmq::mqperf {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

Device open_device(const std::string& address, const PerfOptions& options) {
    Options library = options.library;
    library.log = [](LogLevel level, std::string_view text) {
        if (level >= LogLevel::warning) fmt::print(stderr, "mqperf: {}\n", text);
    };
    try {
        return tools::on_device(address, [&] { return Device::open(address, library); });
    } catch (const std::invalid_argument& error) {
        throw tools::UsageError{address + ": " + error.what()};
    }
}

// A device that tells no MAC address gets a locally administered one.
Endpoint own_endpoint(const Info& info, const PerfOptions& options) {
    return {info.mac.value_or(MacAddress{0x02, 0, 0, 0, 0, 1}), options.address, 0};
}

// The pairs' threads. Their end is awaited before anything they use goes away.
class Workers {
public:
    explicit Workers(Shared& shared) : shared_(shared) {
        for (unsigned i = 0; i < shared.device.max_queue_pairs(); ++i) {
            threads_.push_back(std::async(std::launch::async, [&shared, i] {
                QueuePair pair = shared.device.take_queue_pair(i);
                run_job(pair, shared);
            }));
        }
    }
    ~Workers() {
        shared_.stop = true;
        for (std::future<void>& thread : threads_) {
            if (thread.valid()) thread.wait();
        }
    }
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    // True when a thread has ended by itself: its pair is broken, the device gone, or an exception thrown.
    [[nodiscard]] bool any_ended() const {
        return std::any_of(threads_.begin(), threads_.end(), [](const std::future<void>& thread) {
            return thread.wait_for(0s) == std::future_status::ready;
        });
    }
    // Throws what a thread threw.
    void join() {
        shared_.stop = true;
        for (std::future<void>& thread : threads_) thread.get();
    }

private:
    Shared& shared_;
    std::vector<std::future<void>> threads_;
};

void print_progress(const Shared& shared, Stats& last, Clock::time_point& last_time) {
    const auto now = Clock::now();
    Stats stats = shared.device.stats();
    const double seconds = std::chrono::duration<double>(now - last_time).count();
    fmt::print(stderr, "{}\n",
               progress_line(tools::sum(tools::difference(stats, last)), seconds, shared.device.queue_pairs(),
                             shared.device.max_queue_pairs()));
    last = std::move(stats);
    last_time = now;
}

// Until a signal, the end of --duration, or a thread that ends by itself (true).
bool wait_for_the_end(const Shared& shared, const Workers& workers, Clock::time_point start) {
    const bool terminal = isatty(STDERR_FILENO) == 1;
    const auto end = shared.options.duration ? start + *shared.options.duration : Clock::time_point::max();
    Stats last = shared.device.stats();
    auto last_time = start;
    for (auto next = start + 1s;; next += 1s) {
        if (tools::wait_for_end(std::min(next, end)) || Clock::now() >= end) return false;
        if (workers.any_ended()) return true;
        if (terminal) print_progress(shared, last, last_time);
    }
}

void print_summary(const Shared& shared, Clock::duration time) {
    Result result{std::string{job_name(shared.options.job)},   shared.device.info(), shared.device.stats(),
                  std::chrono::duration<double>(time).count(), std::nullopt,         std::nullopt};
    if (shared.options.job == Job::ping) result.round_trips = {shared.ping.sent(), shared.ping.round_trips()};
    if (shared.soak) result.soak = shared.soak->report();
    if (shared.options.json) {
        fmt::print("{}\n", summary_json(result).dump(2));
    } else {
        fmt::print("{}", summary_text(result));
    }
}

}  // namespace

void run(const std::string& address, const PerfOptions& options) {
    tools::block_end_signals();
    Device device = open_device(address, options);
    const Info info = device.info();
    const bool builds = options.job == Job::send || options.job == Job::ping || options.job == Job::soak;
    if (builds && options.size > info.mtu + ethernet::size) {
        throw tools::UsageError{
            fmt::format("{}: frames of {} bytes are too long for an MTU of {}", address, options.size, info.mtu)};
    }

    Shared shared{device, options, own_endpoint(info, options)};
    if (options.job == Job::soak) shared.soak = std::make_unique<Soak>(device, options, shared.me);
    Workers workers{shared};
    const auto start = Clock::now();
    const bool ended = wait_for_the_end(shared, workers, start);
    const auto time = Clock::now() - start;
    if (shared.soak) shared.soak->finish();
    workers.join();
    print_summary(shared, time);
    if (ended)
        throw tools::Failure{tools::Exit::failed,
                             address + ": a queue pair stopped: the device is gone or broke its rules"};
    if (shared.soak && !shared.soak->report().clean())
        throw tools::Failure{tools::Exit::failed, address + ": not every packet came back once, whole and in order"};
}

}  // namespace vmq::mqperf
