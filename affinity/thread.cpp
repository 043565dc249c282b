// Thread affinity through the scheduler's system calls, with masks wide enough for every CpuSet.
#include "affinity/thread.hpp"

#include <array>
#include <cerrno>
#include <sched.h>
#include <string>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

namespace vmq::affinity {
namespace {

// glibc's cpu_set_t ends at 1024 CPUs; an array of it is what CPU_ALLOC would return.
using KernelMask = std::array<cpu_set_t, CpuSet::capacity / CPU_SETSIZE>;

std::string name_of(int thread_id) { return thread_id == 0 ? "this thread" : "thread " + std::to_string(thread_id); }

// The number of a thread that has ended may be another process's by now. Signal 0 is sent to nobody.
void require_own(int thread_id, const std::string& what) {
    if (thread_id != 0 && ::syscall(SYS_tgkill, ::getpid(), thread_id, 0) != 0)
        throw std::system_error(errno, std::system_category(), what + name_of(thread_id));
}

}  // namespace

CpuSet pin_thread(CpuId cpu, int thread_id) { return pin_thread(CpuSet{cpu}, thread_id); }

CpuSet pin_thread(const CpuSet& cpus, int thread_id) {
    require_own(thread_id, "sched_setaffinity of ");
    KernelMask mask{};
    for (const CpuId cpu : cpus.to_vector()) CPU_SET_S(cpu.value, sizeof mask, mask.data());
    if (::sched_setaffinity(thread_id, sizeof mask, mask.data()) != 0)
        throw std::system_error(errno, std::system_category(),
                                "sched_setaffinity of " + name_of(thread_id) + " to CPUs \"" + cpus.to_string() +
                                    "\" (choose CPUs that are online and inside the cgroup's cpuset)");
    return thread_affinity(thread_id);
}

CpuSet thread_affinity(int thread_id) {
    require_own(thread_id, "sched_getaffinity of ");
    KernelMask mask{};
    if (::sched_getaffinity(thread_id, sizeof mask, mask.data()) != 0)
        throw std::system_error(errno, std::system_category(), "sched_getaffinity of " + name_of(thread_id));
    CpuSet cpus;
    for (unsigned cpu = 0; cpu < CpuSet::capacity; ++cpu)
        if (CPU_ISSET_S(cpu, sizeof mask, mask.data())) cpus.insert(CpuId{cpu});
    return cpus;
}

}  // namespace vmq::affinity
