// Keeps each MSI-X vector's interrupt on the vCPU of its queue pair, and knows where it really is.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <vmq/stats.hpp>

#include "affinity/irq.hpp"
#include "affinity/placement.hpp"
#include "affinity/stray_interrupts.hpp"
#include "driver/net/net_device.hpp"

namespace vmq {

// Control thread only. Reads topology and places as they are at each call.
class VectorPlacement {
public:
    VectorPlacement(const net::NetDevice& device, const affinity::Topology& topology,
                    const std::vector<affinity::PairPlacement>& places);

    // Writes the affinity of every vector whose pair has another place than at the last call; returns a line for each
    // that the kernel did not take as wanted.
    [[nodiscard]] std::vector<std::string> apply();
    // Puts back what something else has moved; returns a line for each.
    [[nodiscard]] std::vector<std::string> repair();

    // Of the vectors that have a place.
    [[nodiscard]] std::vector<unsigned> irqs() const;
    [[nodiscard]] InterruptTable table();

private:
    [[nodiscard]] std::optional<affinity::CpuId> wanted_cpu(unsigned vector) const;

    const net::NetDevice& device_;
    const affinity::Topology& topology_;
    const std::vector<affinity::PairPlacement>& places_;
    affinity::ProcIrqPort port_;
    std::map<unsigned, unsigned> irq_of_vector_;
    std::vector<affinity::IrqAffinity> affinities_;
    std::map<unsigned, std::uint64_t> moves_of_irq_;
    affinity::StrayInterrupts strays_;
};

}  // namespace vmq
