// The local port that makes a connection's returning packets arrive on a wanted pair.
#include <algorithm>
#include <vector>

#include <vmq/steering.hpp>

#include "affinity/hash_input.hpp"
#include "affinity/toeplitz.hpp"

namespace vmq::steering {
namespace {

constexpr unsigned port_bits = 16;
constexpr unsigned port_limit = 1u << port_bits;

// The destination ports whose hash has wanted bits under a mask. A port bit adds, by exclusive or, the same bits to the
// hash whatever the other input is: these are linear equations over GF(2). Elimination is done once; each wanted value
// then takes one pass over the rows.
class PortEquations {
public:
    PortEquations(std::span<const std::uint8_t> key, const affinity::HashInput& input_of_port_0, std::uint32_t mask)
        : hash_of_port_0_(toeplitz(key, input_of_port_0.bytes()) & mask) {
        for (unsigned bit = 0; bit < port_bits; ++bit) {
            const std::size_t place = 8 * input_of_port_0.size - 1 - bit;
            const std::uint32_t change = input_of_port_0.with_ports ? affinity::key_window(key, place) & mask : 0;
            eliminate({change, 1u << bit});
        }
    }

    // The lowest port from `first` on whose hash is `wanted`.
    [[nodiscard]] std::optional<unsigned> lowest(std::uint32_t wanted, unsigned first) const {
        Row difference{wanted ^ hash_of_port_0_, 0};
        for (const Row& row : rows_) difference.reduce_by(row);
        if (difference.change != 0) return std::nullopt;
        // The solutions are this one and its sums with neutral elements. Neither it nor another element has an
        // element's highest bit, so they are in the order of the binary numbers that say which elements are added.
        const unsigned solution = difference.port;
        unsigned low = 0;
        unsigned high = 1u << neutral_.size();
        while (low < high) {
            const unsigned middle = (low + high) / 2;
            if (with_neutral(solution, middle) < first) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low < 1u << neutral_.size() ? std::optional(with_neutral(solution, low)) : std::nullopt;
    }

private:
    // Port bits, and how the masked hash changes when they are flipped.
    struct Row {
        std::uint32_t change;
        unsigned port;

        // Clears the other's highest bit of change in this one.
        void reduce_by(const Row& other) {
            if ((change ^ other.change) >= change) return;
            change ^= other.change;
            port ^= other.port;
        }
    };

    // Takes the port bits one by one, from the lowest. A bit whose change is a sum of earlier rows' makes, with them, a
    // neutral element: it is the element's highest, and neither rows nor other elements have it.
    void eliminate(Row row) {
        for (const Row& earlier : rows_) row.reduce_by(earlier);
        if (row.change != 0) {
            rows_.push_back(row);
        } else {
            neutral_.push_back(row.port);
        }
    }

    [[nodiscard]] unsigned with_neutral(unsigned port, unsigned which) const {
        for (std::size_t i = 0; i < neutral_.size(); ++i)
            if ((which >> i & 1) != 0) port ^= neutral_[i];
        return port;
    }

    std::uint32_t hash_of_port_0_;
    std::vector<Row> rows_;          // each with a highest bit of change that no later one has
    std::vector<unsigned> neutral_;  // port bits that together change nothing, rising
};

}  // namespace

std::optional<std::uint16_t> source_port_for(const RssConfig& config, unsigned pair, const Flow& returning,
                                             PortRange range) {
    Flow flow = returning;
    flow.destination_port = 0;
    const affinity::HashInput input = affinity::hash_input(config.hash_types, flow);
    const unsigned end = std::min(range.last, port_limit - 1) + 1;
    unsigned best = end;
    if (input.report == HashReport::none) {
        if (pair == config.unclassified_pair) best = range.first;
    } else if (!config.table.empty()) {
        const PortEquations equations(config.key, input, static_cast<std::uint32_t>(config.table.size() - 1));
        for (std::size_t entry = 0; entry < config.table.size(); ++entry)
            if (config.table[entry] == pair)
                best = std::min(best, equations.lowest(static_cast<std::uint32_t>(entry), range.first).value_or(end));
    }
    return best < end ? std::optional(static_cast<std::uint16_t>(best)) : std::nullopt;
}

}  // namespace vmq::steering
