// Where the kernel's file systems are; tests put trees of their own there.
#pragma once

#include <filesystem>

namespace vmq::vfio {

struct SystemRoots {
    std::filesystem::path sys = "/sys";
    std::filesystem::path proc = "/proc";
};

}  // namespace vmq::vfio
