// Which pair each flow belongs to: the table of the software hand-off.
#include "driver/net/flow_owners.hpp"

namespace vmq::net {

void FlowOwners::adopt(const RssConfig& config) noexcept {
    for (std::size_t i = 0; i < config.table.size(); ++i) table_[i].store(config.table[i], std::memory_order_relaxed);
    mask_.store(static_cast<std::uint32_t>(config.table.size() - 1), std::memory_order_relaxed);
    types_.store(config.hash_types, std::memory_order_relaxed);
}

std::optional<unsigned> FlowOwners::owner_of(std::span<const std::byte> frame) const noexcept {
    const auto flow = steering::flow_of(frame);
    if (!flow) return std::nullopt;
    const PacketHash hash = steering::hash_of(hash_, types_.load(std::memory_order_relaxed), *flow);
    if (hash.report == HashReport::none) return std::nullopt;
    return table_[hash.value & mask_.load(std::memory_order_relaxed)].load(std::memory_order_relaxed);
}

}  // namespace vmq::net
