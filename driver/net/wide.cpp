// The choice among the wide routines.
#include "driver/net/wide.hpp"

namespace vmq::net::wide {

namespace {

const Routines*& chosen() noexcept {
    static const Routines* routines = with_avx512() != nullptr ? with_avx512() : with_avx2();
    return routines;
}

}  // namespace

const Routines* routines() noexcept { return chosen(); }

void choose(const Routines* routines) noexcept { chosen() = routines; }

}  // namespace vmq::net::wide
