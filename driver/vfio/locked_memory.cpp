// The limits of DMA memory, and what to do when they are too low.
#include "driver/vfio/locked_memory.hpp"

#include <charconv>
#include <fstream>
#include <linux/capability.h>
#include <sstream>
#include <sys/resource.h>

#include "driver/support/errors.hpp"

namespace vmq::vfio {

namespace {

std::string in_kibibytes(std::uint64_t bytes) { return std::to_string((bytes + 1023) / 1024) + " KiB"; }

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
    return in_kibibytes(memory.in_use + more) + " of locked memory are needed, the limit is " +
           in_kibibytes(memory.limit) +
           ": raise it with ulimit -l unlimited, LimitMEMLOCK=infinity in the systemd unit, or memlock in "
           "/etc/security/limits.conf";
}

std::string mapping_limit_cure(std::uint32_t limit) {
    return "the container takes " + std::to_string(limit) +
           " mappings: raise dma_entry_limit in /sys/module/vfio_iommu_type1/parameters";
}

void check_mappings(const std::string& object, std::uint64_t needed, std::uint32_t limit) {
    if (limit == 0 || needed <= limit) return;
    support::fail(std::make_error_code(std::errc::no_space_on_device),
                  object + ": " + std::to_string(needed) + " mappings for the device", mapping_limit_cure(limit));
}

void check_locked_memory(const std::string& object, std::uint64_t more) {
    const LockedMemory locked = locked_memory();
    if (locked.allows(more)) return;
    support::fail(std::make_error_code(std::errc::not_enough_memory), object + ": memory for the device",
                  locked_memory_cure(locked, more));
}

}  // namespace vmq::vfio
