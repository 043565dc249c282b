// The choice among the wide routines.
#include "driver/net/wide.hpp"

namespace vmq::net::wide {

const Routines* routines() noexcept {
    static const Routines* const widest = with_avx512() != nullptr ? with_avx512() : with_avx2();
    return widest;
}

}  // namespace vmq::net::wide
