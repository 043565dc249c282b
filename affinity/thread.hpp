// Keeping threads of this process on chosen CPUs.
#pragma once

#include "affinity/cpu_set.hpp"

namespace vmq::affinity {

// `thread_id` is Linux's, 0 for the calling thread. All throw std::system_error: ESRCH where this process has no such
// thread.

// Both return the mask in force afterwards, as the kernel reports it; a set may come back narrower, cut to the
// cgroup's cpuset. They throw when the kernel refuses: no CPU of the set is online and allowed.
CpuSet pin_thread(CpuId cpu, int thread_id = 0);
CpuSet pin_thread(const CpuSet& cpus, int thread_id = 0);

// The thread's mask, without the CPUs that are offline.
[[nodiscard]] CpuSet thread_affinity(int thread_id = 0);

}  // namespace vmq::affinity
