// Arithmetic on snapshots.
#include "tools/common/counters.hpp"

#include <algorithm>

namespace vmq::tools {
namespace {

template <typename Row, typename Number>
const Row* find_row(const std::vector<Row>& rows, Number Row::*key, Number wanted) {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.*key == wanted; });
    return found == rows.end() ? nullptr : &*found;
}

// The count of a vCPU, which may stand elsewhere in a table taken before a vCPU came or went.
std::uint64_t kernel_count(const VectorStats& vector, const InterruptTable& table, unsigned cpu) {
    const auto at = std::find(table.cpus.begin(), table.cpus.end(), cpu) - table.cpus.begin();
    const auto index = static_cast<std::size_t>(at);
    return index < vector.kernel_counts.size() ? vector.kernel_counts[index] : 0;
}

}  // namespace

PairStats sum(const Stats& stats) {
    PairStats total;
    for (const PairStats& pair : stats.pairs) {
        for (const Counter& counter : counters) total.*counter.value += pair.*counter.value;
    }
    return total;
}

Stats difference(const Stats& later, const Stats& earlier) {
    Stats result = later;
    for (PairStats& pair : result.pairs) {
        const PairStats* before = find_row(earlier.pairs, &PairStats::pair, pair.pair);
        if (before == nullptr) continue;
        for (const Counter& counter : counters) pair.*counter.value -= before->*counter.value;
    }
    result.config_changes -= earlier.config_changes;
    result.announcements -= earlier.announcements;
    result.reconnects -= earlier.reconnects;
    result.resets -= earlier.resets;
    result.control_commands -= earlier.control_commands;
    result.control_failures -= earlier.control_failures;
    return result;
}

InterruptTable difference(const InterruptTable& later, const InterruptTable& earlier) {
    InterruptTable result = later;
    for (VectorStats& vector : result.vectors) {
        const VectorStats* before = find_row(earlier.vectors, &VectorStats::vector, vector.vector);
        if (before == nullptr) continue;
        vector.eventfd_sum -= before->eventfd_sum;
        vector.moved -= before->moved;
        for (std::size_t i = 0; i < vector.kernel_counts.size() && i < result.cpus.size(); ++i) {
            vector.kernel_counts[i] -= kernel_count(*before, earlier, result.cpus[i]);
        }
    }
    return result;
}

}  // namespace vmq::tools
