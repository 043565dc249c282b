// Interrupts that were handled on another CPU than the one they belonged on at the time.
#pragma once

#include <cstdint>
#include <map>

#include "affinity/interrupts.hpp"

namespace vmq::affinity {

// Counts from what observe() is shown now and then, so that a CPU that goes offline takes no counts along and a place
// that changes leaves none behind. One thread.
class StrayInterrupts {
public:
    // From now on the IRQ belongs on `cpu`.
    void want(unsigned irq, CpuId cpu, const InterruptTable& now);
    void observe(const InterruptTable& now);
    [[nodiscard]] std::uint64_t count(unsigned irq) const;

private:
    struct Irq {
        CpuId wanted;
        std::map<CpuId, std::uint64_t> seen;
        std::uint64_t strays = 0;
    };
    static void observe(unsigned irq, Irq& state, const InterruptTable& now);

    std::map<unsigned, Irq> irqs_;
};

}  // namespace vmq::affinity
