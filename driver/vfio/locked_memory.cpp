// RLIMIT_MEMLOCK: what a process may lock for DMA, and what to do when it is too little.
#include "driver/vfio/locked_memory.hpp"

#include <charconv>
#include <fstream>
#include <linux/capability.h>
#include <sstream>
#include <sys/resource.h>

namespace vmq::vfio {

namespace {

constexpr std::uint64_t mebibyte = 1024 * 1024;

std::uint64_t in_mebibytes(std::uint64_t bytes) { return bytes / mebibyte + (bytes % mebibyte != 0 ? 1 : 0); }

// The number behind "Name:" at the start of a line, 0 when there is none.
std::uint64_t field(std::string_view status, const std::string& name, int base) {
    std::istringstream lines{std::string{status}};
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(name)) continue;
        const auto start = line.find_first_not_of(" \t", name.size());
        std::uint64_t number = 0;
        if (start != line.npos) std::from_chars(line.data() + start, line.data() + line.size(), number, base);
        return number;
    }
    return 0;
}

}  // namespace

LockedMemory parse_locked_memory(std::string_view status, std::uint64_t limit) {
    const bool capable = (field(status, "CapEff:", 16) >> CAP_IPC_LOCK & 1) != 0;
    return {limit, field(status, "VmLck:", 10) * 1024, capable || limit == RLIM_INFINITY};
}

LockedMemory locked_memory() {
    std::ostringstream status;
    status << std::ifstream{"/proc/self/status"}.rdbuf();
    rlimit limit{};
    ::getrlimit(RLIMIT_MEMLOCK, &limit);
    return parse_locked_memory(status.str(), limit.rlim_cur);
}

std::string locked_memory_cure(const LockedMemory& memory, std::uint64_t more) {
    const std::uint64_t need = in_mebibytes(memory.in_use + more);
    return "needs " + std::to_string(need) + " MiB of locked memory so far, the limit is " +
           std::to_string(memory.limit / mebibyte) +
           " MiB: raise it with ulimit -l unlimited, LimitMEMLOCK=infinity in the systemd " +
           "unit, or memlock in /etc/security/limits.conf";
}

}  // namespace vmq::vfio
