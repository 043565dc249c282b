// RLIMIT_MEMLOCK: what a process may lock for DMA, and what to do when it is too little.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vmq::vfio {

struct LockedMemory {
    std::uint64_t limit = 0;   // bytes
    std::uint64_t in_use = 0;  // bytes
    bool exempt = false;       // the process has CAP_IPC_LOCK, or there is no limit

    [[nodiscard]] bool allows(std::uint64_t more) const noexcept {
        return exempt || (in_use <= limit && more <= limit - in_use);
    }
};

// From the text of /proc/self/status and the limit (RLIM_INFINITY: none).
[[nodiscard]] LockedMemory parse_locked_memory(std::string_view status, std::uint64_t limit);
// Of this process.
[[nodiscard]] LockedMemory locked_memory();

// "needs 20 MiB of locked memory so far, the limit is 8 MiB: …"
[[nodiscard]] std::string locked_memory_cure(const LockedMemory& memory, std::uint64_t more);

}  // namespace vmq::vfio
