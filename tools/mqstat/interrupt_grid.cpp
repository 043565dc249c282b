// One row per vector.
#include "tools/mqstat/interrupt_grid.hpp"

#include <numeric>

#include <fmt/core.h>

#include "tools/common/table.hpp"
#include "tools/common/text.hpp"
#include "tools/common/vectors.hpp"

namespace vmq::mqstat {
namespace {

std::uint64_t kernel_sum(const VectorStats& vector) {
    return std::accumulate(vector.kernel_counts.begin(), vector.kernel_counts.end(), std::uint64_t{0});
}

}  // namespace

std::string interrupt_grid(const InterruptTable& table) {
    using tools::Align;
    std::vector<tools::Column> columns{{"vector", Align::left}, {"IRQ"}};
    for (const unsigned cpu : table.cpus) columns.push_back({fmt::format("CPU{}", cpu)});
    columns.insert(columns.end(), {{"kernel"}, {"eventfd"}, {"", Align::left}});

    tools::Table grid{columns};
    for (const VectorStats& vector : table.vectors) {
        const bool known = vector.kernel_counts.size() == table.cpus.size();
        std::vector<std::string> row{vector.owner, tools::or_dash(vector.irq)};
        for (std::size_t i = 0; i < table.cpus.size(); ++i)
            row.push_back(known ? std::to_string(vector.kernel_counts[i]) : "-");
        row.push_back(known ? std::to_string(kernel_sum(vector)) : "-");
        row.push_back(std::to_string(vector.eventfd_sum));
        row.push_back(tools::vector_trouble(vector));
        grid.add(std::move(row));
    }
    return grid.text();
}

tools::Json interrupt_json(const InterruptTable& table) {
    using tools::Json;
    Json vectors = Json::array();
    for (const VectorStats& vector : table.vectors) {
        const std::string trouble = tools::vector_trouble(vector);
        vectors.push_back({{"vector", vector.vector},
                           {"owner", vector.owner},
                           {"irq", tools::or_null(vector.irq)},
                           {"kernel_counts", vector.kernel_counts},
                           {"kernel_sum", kernel_sum(vector)},
                           {"eventfd_sum", vector.eventfd_sum},
                           {"wanted_cpu", tools::or_null(vector.wanted_cpu)},
                           {"affinity", vector.affinity.empty() ? Json(nullptr) : Json(vector.affinity)},
                           {"moved", vector.moved},
                           {"elsewhere", vector.elsewhere},
                           {"trouble", trouble.empty() ? Json(nullptr) : Json(trouble)}});
    }
    return {{"cpus", table.cpus}, {"vectors", std::move(vectors)}};
}

}  // namespace vmq::mqstat
