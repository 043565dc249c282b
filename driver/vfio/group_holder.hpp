// Who has a VFIO group open: found through /proc, as VFIO itself only says EBUSY.
#pragma once

#include <map>
#include <string>

#include "driver/vfio/system_roots.hpp"

namespace vmq::vfio {

struct GroupHolder {
    int process_id = 0;  // 0: nobody, or a process whose descriptors the caller may not see
    std::string process_name;
};

// All holders that the caller may see, by group number. Reads every process's descriptors: some milliseconds.
[[nodiscard]] std::map<int, GroupHolder> group_holders(const SystemRoots& roots);
[[nodiscard]] GroupHolder holder_of_group(const SystemRoots& roots, int group);

// "held by process 123 (testpmd): stop it first", or what to do when the holder is hidden.
[[nodiscard]] std::string busy_cure(const GroupHolder& holder);

}  // namespace vmq::vfio
