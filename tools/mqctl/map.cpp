// `mqctl map`: the pairs' rows first, then the vectors of configuration changes and control.
#include "tools/mqctl/map.hpp"

#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "tools/common/table.hpp"
#include "tools/common/text.hpp"
#include "tools/common/vectors.hpp"

namespace vmq::mqctl {
namespace {

void append_trouble(std::string& trouble, const std::string& more) {
    if (more.empty()) return;
    if (!trouble.empty()) trouble += "; ";
    trouble += more;
}

void fill_vector(MapRow& row, int index, const InterruptTable& interrupts) {
    row.vector = index;
    const auto found =
        std::find_if(interrupts.vectors.begin(), interrupts.vectors.end(),
                     [&](const VectorStats& vector) { return static_cast<int>(vector.vector) == index; });
    if (found == interrupts.vectors.end()) return;
    row.irq = found->irq;
    row.wanted_cpu = found->wanted_cpu;
    row.irq_cpus = found->affinity;
    row.irq_moved = found->moved;
    if (row.wanted_cpu >= 0) row.irq_elsewhere = found->elsewhere;
    append_trouble(row.trouble, tools::vector_trouble(*found));
}

MapRow pair_row(const PairInfo& pair, std::string use, int vector, const InterruptTable& interrupts) {
    MapRow row;
    row.pair = static_cast<int>(pair.pair);
    row.state = tools::state_name(pair.state);
    row.use = std::move(use);
    row.thread_id = pair.thread_id;
    row.thread_cpu = pair.thread_cpu;
    row.pair_cpu = pair.cpu;
    row.numa_node = pair.numa_node;
    fill_vector(row, vector, interrupts);
    if (pair.thread_id != 0 && pair.thread_cpu != -1 && pair.cpu != -1 && pair.thread_cpu != pair.cpu) {
        append_trouble(row.trouble, fmt::format("thread on {}, wanted {}", pair.thread_cpu, pair.cpu));
    }
    return row;
}

// Nothing is counted for a vector that has no place.
std::string count_text(const MapRow& row, std::uint64_t count) {
    return row.wanted_cpu < 0 ? "-" : std::to_string(count);
}

}  // namespace

std::vector<MapRow> map_rows(const Info& info, const InterruptTable& interrupts) {
    std::vector<MapRow> rows;
    std::set<int> shown;
    for (const PairInfo& pair : info.pairs) {
        shown.insert({pair.rx_vector, pair.tx_vector});
        if (pair.rx_vector == pair.tx_vector) {
            rows.push_back(pair_row(pair, "rx+tx", pair.rx_vector, interrupts));
        } else {
            rows.push_back(pair_row(pair, "rx", pair.rx_vector, interrupts));
            rows.push_back(pair_row(pair, "tx", pair.tx_vector, interrupts));
        }
    }
    for (const VectorStats& vector : interrupts.vectors) {
        if (shown.contains(static_cast<int>(vector.vector))) continue;
        MapRow row;
        row.use = vector.owner;
        fill_vector(row, static_cast<int>(vector.vector), interrupts);
        rows.push_back(row);
    }
    return rows;
}

std::string map_text(const Info& info, const InterruptTable& interrupts) {
    using tools::Align;
    tools::Table table{{{"PAIR"},
                        {"STATE", Align::left},
                        {"USE", Align::left},
                        {"VECTOR"},
                        {"IRQ"},
                        {"IRQ-WANTED"},
                        {"IRQ-ON"},
                        {"IRQ-MOVED"},
                        {"IRQ-ELSEWHERE"},
                        {"THREAD"},
                        {"THREAD-WANTED"},
                        {"THREAD-ON"},
                        {"NODE"},
                        {"", Align::left}}};
    for (const MapRow& row : map_rows(info, interrupts)) {
        using tools::or_dash;
        table.add({or_dash(row.pair), row.state.empty() ? "-" : row.state, row.use,
                   row.vector < 0 ? "polled" : or_dash(row.vector), or_dash(row.irq), or_dash(row.wanted_cpu),
                   row.irq_cpus.empty() ? "-" : row.irq_cpus, count_text(row, row.irq_moved),
                   count_text(row, row.irq_elsewhere), or_dash(row.thread_id == 0 ? -1 : row.thread_id),
                   or_dash(row.pair_cpu), or_dash(row.thread_cpu), or_dash(row.numa_node), row.trouble});
    }
    return table.text();
}

tools::Json map_json(const Info& info, const InterruptTable& interrupts) {
    using tools::Json;
    using tools::or_null;
    Json rows = Json::array();
    for (const MapRow& row : map_rows(info, interrupts)) {
        rows.push_back({{"pair", or_null(row.pair)},
                        {"state", row.state.empty() ? Json(nullptr) : Json(row.state)},
                        {"use", row.use},
                        {"vector", or_null(row.vector)},
                        {"irq", or_null(row.irq)},
                        {"irq_cpu_wanted", or_null(row.wanted_cpu)},
                        {"irq_cpus", row.irq_cpus.empty() ? Json(nullptr) : Json(row.irq_cpus)},
                        {"irq_moved", row.irq_moved},
                        {"irq_elsewhere", row.irq_elsewhere},
                        {"thread_id", or_null(row.thread_id == 0 ? -1 : row.thread_id)},
                        {"thread_cpu_wanted", or_null(row.pair_cpu)},
                        {"thread_cpu", or_null(row.thread_cpu)},
                        {"numa_node", or_null(row.numa_node)},
                        {"trouble", row.trouble.empty() ? Json(nullptr) : Json(row.trouble)}});
    }
    return Json::array(
        {{{"schema", "mqctl.map/1"}, {"device", info.name}, {"vector_sharing", info.vector_sharing}, {"map", rows}}});
}

}  // namespace vmq::mqctl
