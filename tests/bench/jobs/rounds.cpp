// Threads, rounds and what is reported of them.
#include "tests/bench/jobs/rounds.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/core.h>

namespace vmq::bench {
namespace {

std::string round_trip_report(std::vector<std::uint32_t> round_trips) {
    if (round_trips.empty()) return R"({"p50_ns":null,"p99_ns":null,"count":0})";
    const auto percentile = [&](std::size_t percent) {
        const auto place = round_trips.begin() + static_cast<std::ptrdiff_t>((round_trips.size() - 1) * percent / 100);
        std::nth_element(round_trips.begin(), place, round_trips.end());
        return *place;
    };
    const auto median = percentile(50);
    return fmt::format(R"({{"p50_ns":{},"p99_ns":{},"count":{}}})", median, percentile(99), round_trips.size());
}

}  // namespace

Rounds::Rounds(Device& device, const JobOptions& options)
    : device_(device), options_(options), limits_(device.queue_pairs()), outcomes_(device.queue_pairs()) {
    for (unsigned i = 0; i < limits_.size(); ++i) {
        if (options.packets != 0)
            limits_[i].packets = options.packets / limits_.size() + (i < options.packets % limits_.size());
        threads_.emplace_back([this, i] { serve(i); });
    }
    await(prepared_);
}

Rounds::~Rounds() {
    ends_ = true;
    ++round_;
    round_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void Rounds::await(std::atomic<unsigned>& count) const {
    for (unsigned now = count; now < limits_.size(); now = count) count.wait(now);
}

std::string Rounds::run(std::chrono::milliseconds time) {
    for (Limit& limit : limits_) limit.stop = false;
    finished_ = 0;
    ++round_;
    round_.notify_all();
    if (options_.packets == 0) {
        std::this_thread::sleep_for(time);
        for (Limit& limit : limits_) limit.stop = true;
    }
    await(finished_);
    Outcome sum;
    for (const Outcome& outcome : outcomes_) {
        sum.packets += outcome.packets;
        sum.seconds = std::max(sum.seconds, outcome.seconds);
        sum.round_trips.insert(sum.round_trips.end(), outcome.round_trips.begin(), outcome.round_trips.end());
    }
    if (options_.job == Job::ping) return round_trip_report(std::move(sum.round_trips));
    return fmt::format(R"({{"packets":{},"seconds":{:.9f}}})", sum.packets, sum.seconds);
}

void Rounds::serve(unsigned index) {
    Lane lane{device_.take_queue_pair(index), {}, 0};
    ++prepared_;
    prepared_.notify_one();
    for (unsigned seen = 0;; ++seen) {
        round_.wait(seen);
        if (ends_) return;
        do_job(lane, limits_[index], outcomes_[index]);
        ++finished_;
        finished_.notify_one();
    }
}

void Rounds::do_job(Lane& lane, const Limit& limit, Outcome& outcome) const {
    outcome = {};
    const auto begin = std::chrono::steady_clock::now();
    switch (options_.job) {
        case Job::send:
            outcome.packets = send(lane, options_, limit);
            break;
        case Job::receive:
            outcome.packets = receive(lane, options_, limit);
            break;
        case Job::forward:
            outcome.packets = forward(lane, options_, limit);
            break;
        case Job::ping:
            outcome.packets = ping(lane, options_, limit, outcome.round_trips);
            break;
    }
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace vmq::bench
