// Writing, checking and repairing IRQ affinity.
#include "affinity/irq.hpp"

#include <cerrno>
#include <utility>

namespace vmq::affinity {
namespace {

std::filesystem::path irq_file(const SystemPaths& paths, unsigned irq, const char* name) {
    return paths.proc / "irq" / std::to_string(irq) / name;
}

// True when the refusal is about the CPU, so that another one may be accepted.
bool another_cpu_may_do(std::error_code error) {
    switch (error.value()) {
        case ENOENT:
        case EACCES:
        case EPERM:
        case EROFS:
            return false;
        default:
            return true;
    }
}

const char* cure(std::error_code error) {
    switch (error.value()) {
        case EACCES:
        case EPERM:
            return "run as root or give this user write access to the file";
        case EROFS:
            return "mount /proc writable";
        case ENOENT:
            return "the interrupt is no longer set up";
        case ENOSPC:
            return "that CPU has no interrupt vector left; free some by moving other devices' interrupts";
        case EINVAL:
            return "is that CPU online?";
        case EIO:
            return "the kernel manages this interrupt or its controller cannot move it";
        default:
            return "see /proc/irq";
    }
}

void read_back(IrqPort& port, IrqAffinity& affinity) {
    std::error_code error;
    affinity.actual = port.read(affinity.request.irq, error);
    affinity.effective = port.read_effective(affinity.request.irq);
    if (error && !affinity.error) affinity.error = error;
}

}  // namespace

std::error_code ProcIrqPort::write(unsigned irq, const CpuSet& cpus) {
    return write_text(irq_file(paths_, irq, "smp_affinity_list"), cpus.to_string());
}

CpuSet ProcIrqPort::read(unsigned irq, std::error_code& error) {
    const std::string text = read_text(irq_file(paths_, irq, "smp_affinity_list"), error);
    if (error) return {};
    try {
        return CpuSet::parse(text);
    } catch (const std::system_error& bad_text) {
        error = bad_text.code();
        return {};
    }
}

CpuSet ProcIrqPort::read_effective(unsigned irq) {
    std::error_code error;
    const std::string text = read_text(irq_file(paths_, irq, "effective_affinity_list"), error);
    try {
        return CpuSet::parse(text);
    } catch (const std::system_error&) {
        return {};  // a hint that cannot be understood is none
    }
}

IrqAffinity set_irq_affinity(IrqPort& port, IrqRequest request) {
    IrqAffinity affinity;
    affinity.request = std::move(request);
    const unsigned irq = affinity.request.irq;

    affinity.error = port.write(irq, CpuSet{affinity.request.cpu});
    if (!affinity.error) {
        affinity.granted = affinity.request.cpu;
    } else if (another_cpu_may_do(affinity.error)) {
        for (const CpuId cpu : affinity.request.alternatives) {
            if (port.write(irq, CpuSet{cpu})) continue;
            affinity.granted = cpu;
            break;
        }
    }
    read_back(port, affinity);
    return affinity;
}

std::vector<IrqMove> repair_irq_affinities(IrqPort& port, std::span<IrqAffinity> affinities) {
    std::vector<IrqMove> moves;
    for (IrqAffinity& affinity : affinities) {
        const std::optional<CpuId> before = affinity.granted;
        std::error_code error;
        const CpuSet found = port.read(affinity.request.irq, error);
        if (error) {
            affinity.error = error;
            affinity.actual = {};
            affinity.effective = {};
            continue;
        }
        if (before && found == CpuSet{*before}) {
            // On an alternative: the wanted CPU may be online again, or have a vector free.
            if (*before != affinity.request.cpu && !port.write(affinity.request.irq, CpuSet{affinity.request.cpu}))
                affinity.granted = affinity.request.cpu;
            if (affinity.granted == affinity.request.cpu) affinity.error.clear();
            read_back(port, affinity);  // also when nothing moved, because delivery follows later
            continue;
        }
        affinity = set_irq_affinity(port, std::move(affinity.request));
        if (!before) continue;
        const bool repaired = affinity.as_wanted() || affinity.actual == CpuSet{*before};
        moves.push_back({affinity.request.irq, *before, found, repaired});
    }
    return moves;
}

std::string describe(const IrqAffinity& affinity) {
    const std::string wanted = std::to_string(affinity.request.cpu.value);
    std::string text = "IRQ " + std::to_string(affinity.request.irq) + ": wanted on CPU " + wanted + ", is on ";
    text += affinity.actual.empty() ? "an unknown one" : "CPU " + affinity.actual.to_string();
    if (affinity.error) text += " (" + affinity.error.message() + ": " + cure(affinity.error) + ")";
    return text;
}

}  // namespace vmq::affinity
