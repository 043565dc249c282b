// IRQ affinity: asked for, read back, repaired.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "affinity/cpu_set.hpp"
#include "affinity/system_files.hpp"

namespace vmq::affinity {

// The kernel's side of IRQ affinity. None of the calls throws for what the kernel refuses.
class IrqPort {
public:
    virtual ~IrqPort() = default;
    virtual std::error_code write(unsigned irq, const CpuSet& cpus) = 0;
    // Where the IRQ is to be delivered.
    virtual CpuSet read(unsigned irq, std::error_code& error) = 0;
    // Where it is delivered, which may lag until it next fires; empty on kernels that do not tell.
    virtual CpuSet read_effective(unsigned irq) = 0;
};

// /proc/irq/N/smp_affinity_list and effective_affinity_list.
class ProcIrqPort final : public IrqPort {
public:
    explicit ProcIrqPort(SystemPaths paths = {}) : paths_(std::move(paths)) {}
    std::error_code write(unsigned irq, const CpuSet& cpus) override;
    CpuSet read(unsigned irq, std::error_code& error) override;
    CpuSet read_effective(unsigned irq) override;

private:
    SystemPaths paths_;
};

struct IrqRequest {
    unsigned irq = 0;
    CpuId cpu;
    std::vector<CpuId> alternatives;  // tried in this order when the kernel refuses `cpu`
};

struct IrqAffinity {
    IrqRequest request;
    std::optional<CpuId> granted;  // the CPU the kernel accepted; none when it accepted no candidate
    CpuSet actual;                 // read back: smp_affinity_list
    CpuSet effective;              // read back: effective_affinity_list
    std::error_code error;         // why request.cpu was refused (EIO, ENOSPC, EACCES...), or reading back failed

    [[nodiscard]] bool as_wanted() const { return granted == request.cpu && actual == CpuSet{request.cpu}; }
};

// Writes the request, tries the alternatives when that CPU is refused (not when the IRQ is gone or the caller lacks
// the right: no other CPU cures that), and reads back.
[[nodiscard]] IrqAffinity set_irq_affinity(IrqPort& port, IrqRequest request);

struct IrqMove {
    unsigned irq = 0;
    CpuId expected;         // where it had been put
    CpuSet found;           // where it was
    bool repaired = false;  // it is there again, or on request.cpu; else its IrqAffinity says where and why
};

// Reads every IRQ again and puts back those that something (irqbalance, a CPU going offline) moved; returns these.
// For what was refused the wanted CPU is asked for again, silently, so an IRQ comes home from an alternative.
// `affinities` is brought up to date. For one thread, about once a second.
[[nodiscard]] std::vector<IrqMove> repair_irq_affinities(IrqPort& port, std::span<IrqAffinity> affinities);

// One line for a log or a table: what was wanted, what is, why, and the usual cure.
[[nodiscard]] std::string describe(const IrqAffinity& affinity);

}  // namespace vmq::affinity
