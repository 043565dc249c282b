// Keeping the calling thread on chosen CPUs.
#pragma once

#include "affinity/cpu_set.hpp"

namespace vmq::affinity {

// Both return the mask in force afterwards, as the kernel reports it; a set may come back narrower, cut to the
// cgroup's cpuset. Throw std::system_error when the kernel refuses: no CPU of the set is online and allowed.
CpuSet pin_thread(CpuId cpu);
CpuSet pin_thread(const CpuSet& cpus);

// The calling thread's mask.
[[nodiscard]] CpuSet thread_affinity();

}  // namespace vmq::affinity
