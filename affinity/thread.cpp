// Thread affinity through the scheduler's system calls, with masks wide enough for every CpuSet.
#include "affinity/thread.hpp"

#include <array>
#include <cerrno>
#include <sched.h>
#include <system_error>

namespace vmq::affinity {
namespace {

// glibc's cpu_set_t ends at 1024 CPUs; an array of it is what CPU_ALLOC would return.
using KernelMask = std::array<cpu_set_t, CpuSet::capacity / CPU_SETSIZE>;

}  // namespace

CpuSet pin_thread(CpuId cpu) { return pin_thread(CpuSet{cpu}); }

CpuSet pin_thread(const CpuSet& cpus) {
    KernelMask mask{};
    for (const CpuId cpu : cpus.to_vector()) CPU_SET_S(cpu.value, sizeof mask, mask.data());
    if (::sched_setaffinity(0, sizeof mask, mask.data()) != 0)
        throw std::system_error(errno, std::system_category(),
                                "sched_setaffinity of this thread to CPUs \"" + cpus.to_string() +
                                    "\" (choose CPUs that are online and inside the cgroup's cpuset)");
    return thread_affinity();
}

CpuSet thread_affinity() {
    KernelMask mask{};
    if (::sched_getaffinity(0, sizeof mask, mask.data()) != 0)
        throw std::system_error(errno, std::system_category(), "sched_getaffinity of this thread");
    CpuSet cpus;
    for (unsigned cpu = 0; cpu < CpuSet::capacity; ++cpu)
        if (CPU_ISSET_S(cpu, sizeof mask, mask.data())) cpus.insert(CpuId{cpu});
    return cpus;
}

}  // namespace vmq::affinity
