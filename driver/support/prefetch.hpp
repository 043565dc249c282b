// Fetching cache lines before they are needed.
#pragma once

namespace vmq::support {

// The line is about to be written. GCC spells it so only with -mprfchw; processors that lack it take it for a no-op.
inline void prefetch_for_writing(const void* line) noexcept {
#if defined(__x86_64__)
    asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(line)));
#else
    __builtin_prefetch(line, 1);
#endif
}

}  // namespace vmq::support
