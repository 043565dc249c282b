// Interrupts that were handled on another CPU than the one they belonged on at the time.
#include "affinity/stray_interrupts.hpp"

#include <algorithm>

namespace vmq::affinity {

void StrayInterrupts::want(unsigned irq, CpuId cpu, const InterruptTable& now) {
    Irq& state = irqs_.try_emplace(irq, Irq{.wanted = cpu, .seen = {}}).first->second;
    observe(irq, state, now);
    state.wanted = cpu;
}

void StrayInterrupts::observe(const InterruptTable& now) {
    for (auto& [irq, state] : irqs_) observe(irq, state, now);
}

void StrayInterrupts::observe(unsigned irq, Irq& state, const InterruptTable& now) {
    for (const CpuId cpu : now.cpus) {
        const std::uint64_t count = now.count(irq, cpu);
        std::uint64_t& seen = state.seen.try_emplace(cpu, count).first->second;
        if (cpu != state.wanted) state.strays += count - std::min(seen, count);
        seen = count;
    }
}

std::uint64_t StrayInterrupts::count(unsigned irq) const {
    const auto found = irqs_.find(irq);
    return found == irqs_.end() ? 0 : found->second.strays;
}

}  // namespace vmq::affinity
