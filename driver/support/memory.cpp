// Fresh memory: where it is put, and when its pages are made.
#include "driver/support/memory.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace vmq::support {

void prefer_node(std::span<std::byte> memory, int node) noexcept {
    constexpr int bits = sizeof(unsigned long) * CHAR_BIT;
    std::array<unsigned long, 16> mask{};
    if (node < 0 || node >= bits * static_cast<int>(mask.size())) return;
    mask[static_cast<std::size_t>(node / bits)] = 1UL << (node % bits);
    // The kernel takes one bit less than it is told.
    ::syscall(SYS_mbind, memory.data(), memory.size(), MPOL_PREFERRED, mask.data(), mask.size() * bits + 1, 0);
}

bool populate(std::span<std::byte> memory) noexcept {
    constexpr int populate_write = 23;  // MADV_POPULATE_WRITE, Linux 5.14
    if (::madvise(memory.data(), memory.size(), populate_write) == 0) return true;
    if (errno != EINVAL) return false;
    std::memset(memory.data(), 0, memory.size());
    return true;
}

}  // namespace vmq::support
