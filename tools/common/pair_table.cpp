// Rows of counters.
#include "tools/common/pair_table.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "tools/common/counters.hpp"
#include "tools/common/skew.hpp"
#include "tools/common/table.hpp"
#include "tools/common/text.hpp"

namespace vmq::tools {
namespace {

int cpu_of(const Info& info, unsigned pair) {
    const auto found =
        std::find_if(info.pairs.begin(), info.pairs.end(), [&](const PairInfo& p) { return p.pair == pair; });
    return found == info.pairs.end() ? -1 : found->cpu;
}

std::vector<std::string> row(std::string pair, std::string state, std::string cpu, const PairStats& counts) {
    return {std::move(pair),
            std::move(state),
            std::move(cpu),
            std::to_string(counts.rx_packets),
            std::to_string(counts.rx_bytes),
            std::to_string(counts.tx_packets),
            std::to_string(counts.tx_bytes),
            std::to_string(counts.drops()),
            std::to_string(counts.rx_interrupts),
            std::to_string(counts.tx_interrupts),
            std::to_string(counts.rx_notifies + counts.tx_notifies)};
}

void add_counters(Json& object, const PairStats& counts) {
    for (const Counter& counter : counters) object[counter.name] = counts.*counter.value;
    object["drops"] = counts.drops();
    object["notifies"] = counts.rx_notifies + counts.tx_notifies;
}

}  // namespace

std::string pair_table(const Info& info, const Stats& stats) {
    Table table{{{"pair"},
                 {"state", Align::left},
                 {"vCPU"},
                 {"rx-packets"},
                 {"rx-bytes"},
                 {"tx-packets"},
                 {"tx-bytes"},
                 {"drops"},
                 {"rx-interrupts"},
                 {"tx-interrupts"},
                 {"notifies"}}};
    for (const PairStats& pair : stats.pairs) {
        table.add(row(std::to_string(pair.pair), std::string{state_name(pair.state)}, or_dash(cpu_of(info, pair.pair)),
                      pair));
    }
    const auto received = received_by_pair(stats);
    table.add(row("sum", received.size() > 1 ? fmt::format("skew {:.2f}", skew(received)) : "-", "-", sum(stats)));
    return table.text();
}

Json pair_json(const Info& info, const Stats& stats) {
    Json pairs = Json::array();
    for (const PairStats& pair : stats.pairs) {
        Json object{{"pair", pair.pair}, {"state", state_name(pair.state)}, {"cpu", or_null(cpu_of(info, pair.pair))}};
        add_counters(object, pair);
        pairs.push_back(std::move(object));
    }
    Json total = Json::object();
    add_counters(total, sum(stats));
    return {{"queue_pairs", info.queue_pairs},
            {"max_queue_pairs", info.max_queue_pairs},
            {"pairs", std::move(pairs)},
            {"sum", std::move(total)},
            {"rx_skew", skew(received_by_pair(stats))},
            {"config_changes", stats.config_changes},
            {"announcements", stats.announcements},
            {"reconnects", stats.reconnects},
            {"resets", stats.resets},
            {"control_commands", stats.control_commands},
            {"control_failures", stats.control_failures}};
}

}  // namespace vmq::tools
