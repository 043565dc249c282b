// Which pair a flow arrives on.
#include <vmq/steering.hpp>

#include "affinity/hash_input.hpp"

namespace vmq::steering {
namespace {

template <typename Hash>
PacketHash hash_with(const Hash& hash, std::uint32_t types, const Flow& flow) noexcept {
    const affinity::HashInput input = affinity::hash_input(types, flow);
    if (input.report == HashReport::none) return {};
    return {.value = hash(input.bytes()), .report = input.report};
}

}  // namespace

PacketHash hash_of(const RssConfig& config, const Flow& flow) noexcept {
    return hash_with([&](std::span<const std::uint8_t> input) { return toeplitz(config.key, input); },
                     config.hash_types, flow);
}

PacketHash hash_of(const Toeplitz& tables, std::uint32_t types, const Flow& flow) noexcept {
    return hash_with(tables, types, flow);
}

unsigned queue_for(const RssConfig& config, const PacketHash& hash) noexcept {
    if (hash.report == HashReport::none || config.table.empty()) return config.unclassified_pair;
    return config.table[hash.value & (config.table.size() - 1)];
}

unsigned queue_for(const RssConfig& config, const Flow& flow) noexcept {
    return queue_for(config, hash_of(config, flow));
}

}  // namespace vmq::steering
