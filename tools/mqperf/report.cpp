// Rates, the table of pairs and round-trip times.
#include "tools/mqperf/report.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "tools/common/counters.hpp"
#include "tools/common/pair_table.hpp"

namespace vmq::mqperf {
namespace {

double microseconds(Latency::Time time) { return std::chrono::duration<double, std::micro>(time).count(); }

double per_second(std::uint64_t count, double seconds) {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

std::string rates(std::uint64_t packets, std::uint64_t bytes, double seconds) {
    return fmt::format("{:.0f} packets/s {:.1f} Mbit/s", per_second(packets, seconds),
                       per_second(bytes * 8, seconds) / 1e6);
}

std::string round_trip_text(const Result::RoundTrips& trips) {
    const Latency& times = trips.times;
    return fmt::format("round trips: {} sent, {} answered; p50 {:.1f} us, p99 {:.1f} us, max {:.1f} us\n", trips.sent,
                       times.count(), microseconds(times.percentile(50)), microseconds(times.percentile(99)),
                       microseconds(times.max()));
}

std::string soak_text(const SoakReport& soak) {
    std::string text = fmt::format(
        "soak: {} packets sent, {} verified; {} lost, {} doubled, {} damaged, {} out of order, {} late; {} on their "
        "way when "
        "the link went down ({} times); seed {}\n",
        soak.sent, soak.verified, soak.lost, soak.doubled, soak.damaged, soak.reordered, soak.late, soak.excused,
        soak.changes.link_downs, soak.seed);
    for (const auto& [name, kind] : soak.changes.kinds)
        text += fmt::format("{}: {} changes, {} refused; p50 {:.1f} us, p99 {:.1f} us, max {:.1f} us\n", name,
                            kind.made, kind.refused, microseconds(kind.times.percentile(50)),
                            microseconds(kind.times.percentile(99)), microseconds(kind.times.max()));
    if (!soak.changes.first_refusal.empty()) text += "first refusal: " + soak.changes.first_refusal + '\n';
    return text;
}

tools::Json soak_json(const SoakReport& soak) {
    tools::Json changes = tools::Json::object();
    for (const auto& [name, kind] : soak.changes.kinds)
        changes[name] = {{"made", kind.made},
                         {"refused", kind.refused},
                         {"p50_us", microseconds(kind.times.percentile(50))},
                         {"p99_us", microseconds(kind.times.percentile(99))},
                         {"max_us", microseconds(kind.times.max())}};
    return {{"sent", soak.sent},
            {"verified", soak.verified},
            {"lost", soak.lost},
            {"doubled", soak.doubled},
            {"damaged", soak.damaged},
            {"reordered", soak.reordered},
            {"late", soak.late},
            {"excused", soak.excused},
            {"link_downs", soak.changes.link_downs},
            {"changes", std::move(changes)},
            {"seed", soak.seed},
            {"first_refusal", soak.changes.first_refusal}};
}

}  // namespace

std::string progress_line(const PairStats& counts, double seconds, unsigned pairs, unsigned max_pairs) {
    return fmt::format("rx {}  tx {}  drops {}  pairs {}/{}", rates(counts.rx_packets, counts.rx_bytes, seconds),
                       rates(counts.tx_packets, counts.tx_bytes, seconds), counts.drops(), pairs, max_pairs);
}

std::string summary_text(const Result& result) {
    const PairStats total = tools::sum(result.stats);
    std::string text = fmt::format("{}  {}  in {:.2f} s\n", result.info.name, result.job, result.seconds);
    text += tools::pair_table(result.info, result.stats);
    text += progress_line(total, result.seconds, result.info.queue_pairs, result.info.max_queue_pairs) + '\n';
    if (result.round_trips) text += round_trip_text(*result.round_trips);
    if (result.soak) text += soak_text(*result.soak);
    return text;
}

tools::Json summary_json(const Result& result) {
    using tools::Json;
    const PairStats total = tools::sum(result.stats);
    Json device{{"schema", "mqperf/1"},
                {"device", result.info.name},
                {"job", result.job},
                {"seconds", result.seconds},
                {"rx_packets_per_second", per_second(total.rx_packets, result.seconds)},
                {"tx_packets_per_second", per_second(total.tx_packets, result.seconds)}};
    device.update(tools::pair_json(result.info, result.stats));
    if (result.round_trips) {
        const auto& [sent, times] = *result.round_trips;
        device["round_trips"] = {{"sent", sent},
                                 {"answered", times.count()},
                                 {"p50_us", microseconds(times.percentile(50))},
                                 {"p99_us", microseconds(times.percentile(99))},
                                 {"max_us", microseconds(times.max())}};
    }
    if (result.soak) device["soak"] = soak_json(*result.soak);
    return Json::array({std::move(device)});
}

}  // namespace vmq::mqperf
