// As much of VFIO and of sysfs as opening a function takes: descriptors that answer its ioctls, and a folder in the
// place of /sys.
#pragma once

#include <climits>
#include <cstddef>
#include <string>

namespace vmq::inject::fake_kernel {

inline constexpr std::size_t longest_path = PATH_MAX;

// From here on what is asked of PCI functions and VFIO below /sys is looked for in `sys`; empty: as usual again.
void set_sys(const std::string& sys);
// Memory that a container has mapped for DMA and not unmapped.
[[nodiscard]] long live_dma_mappings() noexcept;

// For the definitions in the place of libc's. The path to use instead, written to `room` where it is another.
[[nodiscard]] const char* path_of(const char* path, char (&room)[longest_path]) noexcept;
// -1: that is none of its files.
[[nodiscard]] int open_device(const char* path) noexcept;
[[nodiscard]] bool owns(unsigned long request) noexcept;
// Whether the request only gives something back.
[[nodiscard]] bool gives_back(unsigned long request, const void* argument) noexcept;
[[nodiscard]] int control(unsigned long request, void* argument) noexcept;

}  // namespace vmq::inject::fake_kernel
