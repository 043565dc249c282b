// What the process holds of the system.
#pragma once

#include <map>
#include <string>

namespace vmq::inject {

struct Held {
    std::map<int, std::string> descriptors;    // /proc/self/fd
    long threads = 0;                          // /proc/self/task
    std::map<std::string, int> file_mappings;  // lines of /proc/self/maps by file, shared ones
    long mappings = 0;                         // made by mmap, wherever
    long dma_mappings = 0;                     // by the fake VFIO

    friend bool operator==(const Held&, const Held&) = default;
};

[[nodiscard]] Held held();
// What is more or less in `after`, in words; empty when nothing is.
[[nodiscard]] std::string difference(const Held& before, const Held& after);

}  // namespace vmq::inject
