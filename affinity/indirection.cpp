// Keys and indirection tables.
#include <algorithm>
#include <bit>
#include <numeric>
#include <stdexcept>
#include <string>

#include <vmq/steering.hpp>

namespace vmq::steering {
namespace {

// VIRTIO 1.3: indirection_table_mask has 16 bits (5.1.6.5.7.1), max_virtqueue_pairs is at most 0x8000 (5.1.4.1).
constexpr std::size_t longest_table = 0x10000;
constexpr std::size_t most_pairs = 0x8000;

std::vector<std::uint8_t> repeated(std::span<const std::uint8_t> pattern, std::size_t size) {
    std::vector<std::uint8_t> key(size);
    for (std::size_t i = 0; i < size; ++i) key[i] = pattern[i % pattern.size()];
    return key;
}

void check(const char* call, std::size_t length, std::size_t pairs) {
    if (!std::has_single_bit(length) || length > longest_table)
        throw std::invalid_argument(std::string(call) + ": a table of " + std::to_string(length) +
                                    " entries; their number must be a power of two of at most 65536 (a device's "
                                    "longest is RssLimits::table_length)");
    if (pairs == 0 || pairs > most_pairs)
        throw std::invalid_argument(std::string(call) + ": " + std::to_string(pairs) +
                                    " pairs; a device has 1 to 32768");
}

// How many entries each weight gets by largest remainder; of equal remainders the lower pair's counts first.
std::vector<std::size_t> shares_of(std::size_t length, const std::vector<unsigned>& weights, std::uint64_t sum) {
    std::vector<std::size_t> shares(weights.size());
    std::vector<std::uint64_t> remainders(weights.size());
    for (std::size_t pair = 0; pair < weights.size(); ++pair) {
        const std::uint64_t part = std::uint64_t{length} * weights[pair];
        shares[pair] = part / sum;
        remainders[pair] = part % sum;
    }
    // Fewer are left than there are remainders above 0.
    const std::size_t left = length - std::accumulate(shares.begin(), shares.end(), std::size_t{0});
    for (std::size_t i = 0; i < left; ++i) {
        const auto largest = std::ranges::max_element(remainders);
        *largest = 0;
        ++shares[static_cast<std::size_t>(largest - remainders.begin())];
    }
    return shares;
}

// Gives those whose weight came to nothing an entry of the pair that has most.
void give_each_one(std::vector<std::size_t>& shares, const std::vector<unsigned>& weights) {
    for (std::size_t pair = 0; pair < weights.size(); ++pair) {
        if (weights[pair] == 0 || shares[pair] != 0) continue;
        --*std::ranges::max_element(shares);
        ++shares[pair];
    }
}

}  // namespace

std::vector<std::uint8_t> default_key(std::size_t size) {
    static constexpr std::array<std::uint8_t, 40> microsoft{0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                                            0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                                            0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                                            0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
    return repeated(microsoft, size);
}

std::vector<std::uint8_t> symmetric_key(std::size_t size) {
    static constexpr std::array<std::uint8_t, 2> pattern{0x6d, 0x5a};
    return repeated(pattern, size);
}

std::vector<std::uint16_t> equal_table(std::size_t length, std::size_t pairs) {
    check("equal_table", length, pairs);
    std::vector<std::uint16_t> table(length);
    for (std::size_t i = 0; i < length; ++i) table[i] = static_cast<std::uint16_t>(i % pairs);
    return table;
}

std::vector<std::uint16_t> weighted_table(std::size_t length, const std::vector<unsigned>& weights) {
    check("weighted_table", length, weights.size());
    const auto sum = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
    if (sum == 0) throw std::invalid_argument("weighted_table: every weight is 0; give one pair at least a weight");

    std::vector<std::size_t> shares = shares_of(length, weights, sum);
    const auto wanted = static_cast<std::size_t>(std::ranges::count_if(weights, [](unsigned w) { return w != 0; }));
    if (wanted <= length) give_each_one(shares, weights);
    std::vector<std::uint16_t> table(length);
    auto next = table.begin();
    for (std::size_t pair = 0; pair < shares.size(); ++pair)
        next = std::fill_n(next, shares[pair], static_cast<std::uint16_t>(pair));
    return table;
}

}  // namespace vmq::steering
