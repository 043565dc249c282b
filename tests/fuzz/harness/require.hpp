// What must hold whatever the input is. A fuzzer finds a broken promise by the process's end.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace vmq::fuzz {

inline void require(bool holds, const char* promise) noexcept {
    if (holds) return;
    std::fprintf(stderr, "broken promise: %s\n", promise);
    std::abort();
}

}  // namespace vmq::fuzz
