// The limits of DMA memory: what a process may lock (RLIMIT_MEMLOCK), how many mappings a container takes, and what to
// do when that is too little.
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

// "20480 KiB of locked memory are needed, the limit is 8192 KiB: …"
[[nodiscard]] std::string locked_memory_cure(const LockedMemory& memory, std::uint64_t more);

// "the container takes 65535 mappings: raise dma_entry_limit …"
[[nodiscard]] std::string mapping_limit_cure(std::uint32_t limit);

// Throws ENOSPC naming `object`, with the cure, when a container takes fewer mappings (0: it does not tell).
void check_mappings(const std::string& object, std::uint64_t needed, std::uint32_t limit);

// Throws ENOMEM naming `object`, with the cure, when this process may not lock so many bytes more.
void check_locked_memory(const std::string& object, std::uint64_t more);

}  // namespace vmq::vfio
