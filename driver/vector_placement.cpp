// Keeps each MSI-X vector's interrupt on the vCPU of its queue pair.
#include "driver/vector_placement.hpp"

#include <algorithm>
#include <utility>

#include "affinity/interrupts.hpp"

namespace vmq {

VectorPlacement::VectorPlacement(const net::NetDevice& device, const affinity::Topology& topology,
                                 const std::vector<affinity::PairPlacement>& places)
    : device_(device), topology_(topology), places_(places) {
    if (device_.vector_plan().count == 0) return;
    for (const auto& [vector, irq] : affinity::device_vectors(device_.name())) irq_of_vector_[vector] = irq;
}

std::optional<affinity::CpuId> VectorPlacement::wanted_cpu(unsigned vector) const {
    const net::VectorPlan& plan = device_.vector_plan();
    if (plan.mode != net::WaitMode::own_vector && plan.mode != net::WaitMode::own_vectors) return std::nullopt;
    for (const affinity::PairPlacement& place : places_) {
        const net::VectorPlan::Pair& vectors = plan.pairs[place.pair];
        if (vectors.receive.value == vector || vectors.transmit.value == vector) return place.cpu;
    }
    return std::nullopt;
}

std::vector<std::string> VectorPlacement::apply() {
    std::vector<std::string> troubles;
    if (irq_of_vector_.empty()) return troubles;
    const affinity::InterruptTable interrupts = affinity::read_interrupts();
    for (const auto& [vector, irq] : irq_of_vector_) {
        const auto cpu = wanted_cpu(vector);
        if (!cpu) continue;
        affinity::IrqRequest request{irq, *cpu, affinity::alternatives(topology_, *cpu)};
        auto affinity = std::ranges::find(affinities_, irq, [](const auto& a) { return a.request.irq; });
        if (affinity == affinities_.end()) affinity = affinities_.insert(affinity, affinity::IrqAffinity{});
        if (affinity->request.irq == irq && affinity->request.cpu == *cpu) {  // repair looks after it
            affinity->request = std::move(request);
            continue;
        }
        strays_.want(irq, *cpu, interrupts);
        *affinity = affinity::set_irq_affinity(port_, std::move(request));
        if (!affinity->as_wanted()) troubles.push_back(affinity::describe(*affinity));
    }
    return troubles;
}

std::vector<unsigned> VectorPlacement::irqs() const {
    std::vector<unsigned> irqs;
    for (const affinity::IrqAffinity& affinity : affinities_) irqs.push_back(affinity.request.irq);
    return irqs;
}

std::vector<std::string> VectorPlacement::repair() {
    std::vector<std::string> moves;
    if (!affinities_.empty()) strays_.observe(affinity::read_interrupts());
    for (const affinity::IrqMove& move : affinity::repair_irq_affinities(port_, affinities_)) {
        ++moves_of_irq_[move.irq];
        moves.push_back("IRQ " + std::to_string(move.irq) + " was moved to CPU " + move.found.to_string() +
                        (move.repaired ? ", put back to CPU " : ", cannot be put back to CPU ") +
                        std::to_string(move.expected.value) + " (irqbalance?)");
    }
    return moves;
}

InterruptTable VectorPlacement::table() {
    InterruptTable table;
    const affinity::InterruptTable kernel = affinity::read_interrupts();
    strays_.observe(kernel);
    for (const affinity::CpuId cpu : kernel.cpus) table.cpus.push_back(cpu.value);
    const net::VectorPlan& plan = device_.vector_plan();
    for (unsigned vector = 0; vector < plan.count; ++vector) {
        VectorStats& row = table.vectors.emplace_back();
        row.vector = vector;
        row.owner = plan.owner(vector);
        row.eventfd_sum = device_.vector_interrupts(vector);
        if (const auto cpu = wanted_cpu(vector)) row.wanted_cpu = static_cast<int>(cpu->value);
        const auto irq = irq_of_vector_.find(vector);
        if (irq == irq_of_vector_.end()) continue;
        row.irq = static_cast<int>(irq->second);
        for (const affinity::CpuId cpu : kernel.cpus) row.kernel_counts.push_back(kernel.count(irq->second, cpu));
        row.affinity = port_.read_effective(irq->second).to_string();
        row.elsewhere = strays_.count(irq->second);
        if (const auto moves = moves_of_irq_.find(irq->second); moves != moves_of_irq_.end()) row.moved = moves->second;
        const auto affinity = std::ranges::find(affinities_, irq->second, [](const auto& a) { return a.request.irq; });
        if (affinity != affinities_.end() && !affinity->as_wanted()) row.trouble = affinity::describe(*affinity);
    }
    return table;
}

}  // namespace vmq
