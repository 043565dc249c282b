// Samples, differences between them, and when to print which.
#include "tools/mqstat/watch.hpp"

#include <cstdio>
#include <optional>

#include <fmt/core.h>

#include "tools/common/counters.hpp"
#include "tools/common/device_stats.hpp"
#include "tools/common/pair_table.hpp"
#include "tools/common/signals.hpp"
#include "tools/common/text.hpp"
#include "tools/mqstat/interrupt_grid.hpp"

namespace vmq::mqstat {
namespace {

using Clock = std::chrono::steady_clock;

struct Sample {
    Clock::time_point time;
    Info info;
    Stats stats;
    std::optional<DeviceStats> device_stats;  // since the device's start, always; for JSON only
    InterruptTable interrupts;
};

enum class Span { since_start, interval, summary };

Sample take_sample(ControlClient& client, const Format& format) {
    Sample sample;
    sample.time = Clock::now();
    sample.info = client.info();
    if (format.interrupts) {
        sample.interrupts = client.interrupts();
    } else {
        sample.stats = client.stats();
        if (format.json) sample.device_stats = tools::ask_device_stats(client, sample.info);
    }
    return sample;
}

// Counts become those since `before`; the time stays the later one's.
Sample since(const Sample& before, Sample sample) {
    sample.stats = tools::difference(sample.stats, before.stats);
    sample.interrupts = tools::difference(sample.interrupts, before.interrupts);
    return sample;
}

const char* span_name(Span span) {
    switch (span) {
        case Span::since_start:
            return "since_start";
        case Span::interval:
            return "interval";
        case Span::summary:
            return "summary";
    }
    return "";
}

void print_json(const Sample& sample, Span span, double seconds, const Format& format) {
    using tools::Json;
    Json device{{"schema", format.interrupts ? "mqstat.interrupts/1" : "mqstat/1"},
                {"device", sample.info.name},
                {"application", sample.info.application},
                {"process_id", sample.info.process_id},
                {"span", span_name(span)},
                {"seconds", span == Span::since_start ? Json(nullptr) : Json(seconds)}};
    device.update(format.interrupts ? interrupt_json(sample.interrupts) : tools::pair_json(sample.info, sample.stats));
    if (!format.interrupts) device["device_stats"] = tools::device_stats_json(sample.device_stats);
    fmt::print("{}\n", Json::array({std::move(device)}).dump());
}

void print_text(const Sample& sample, Span span, double seconds, const Format& format) {
    const std::string when = span == Span::since_start ? "since the start"
                             : span == Span::interval  ? fmt::format("in {:.2f} s", seconds)
                                                       : fmt::format("summary of {:.2f} s", seconds);
    const std::string table =
        format.interrupts ? interrupt_grid(sample.interrupts) : tools::pair_table(sample.info, sample.stats);
    fmt::print("{}  {}  {}\n{}", sample.info.name, tools::process_text(sample.info.application, sample.info.process_id),
               when, table);
}

void print(const Sample& sample, Span span, Clock::duration time, const Format& format) {
    const double seconds = std::chrono::duration<double>(time).count();
    format.json ? print_json(sample, span, seconds, format) : print_text(sample, span, seconds, format);
    std::fflush(stdout);
}

}  // namespace

void watch(ControlClient& client, const When& when, const Format& format) {
    const Sample first = take_sample(client, format);
    print(first, Span::since_start, {}, format);
    if (!when.interval) return;

    Sample last = first;
    auto next = first.time;
    for (std::uint64_t printed = 1; printed != when.count; ++printed) {
        next += *when.interval;
        const bool end = tools::wait_for_end(next);
        Sample sample = take_sample(client, format);
        if (end) {
            print(since(first, sample), Span::summary, sample.time - first.time, format);
            return;
        }
        print(since(last, sample), Span::interval, sample.time - last.time, format);
        last = std::move(sample);
    }
}

}  // namespace vmq::mqstat
