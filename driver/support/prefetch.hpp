// Fetching cache lines before they are needed.
#pragma once

namespace vmq::support {

// The line is about to be read, or written. As assembly, because GCC drops calls of a function that does nothing but
// __builtin_prefetch, and spells prefetchw only with -mprfchw; processors that lack it take it for a no-op.
#if defined(__x86_64__)
inline void prefetch(const void* line) noexcept {
    asm volatile("prefetcht0 %0" : : "m"(*static_cast<const char*>(line)));
}
inline void prefetch_for_writing(const void* line) noexcept {
    asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(line)));
}
#else
inline void prefetch(const void* line) noexcept { __builtin_prefetch(line); }
inline void prefetch_for_writing(const void* line) noexcept { __builtin_prefetch(line, 1); }
#endif

}  // namespace vmq::support
