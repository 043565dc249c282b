// What the wide routines do with vectors of 16 bytes, whatever the width of their others. Included like wide_loops.hpp.
#include <cstddef>
#include <cstdint>
#include <immintrin.h>

namespace vmq::net::wide {
namespace {

using Quads = __m128i;

VMQ_WIDE_TARGET inline Quads repeated(std::uint32_t value) noexcept { return _mm_set1_epi32(static_cast<int>(value)); }
VMQ_WIDE_TARGET inline Quads counting(std::uint32_t first) noexcept {
    return _mm_add_epi32(repeated(first), _mm_setr_epi32(0, 1, 2, 3));
}
VMQ_WIDE_TARGET inline Quads add(Quads a, Quads b) noexcept { return _mm_add_epi32(a, b); }
VMQ_WIDE_TARGET inline Quads both(Quads a, Quads b) noexcept { return _mm_and_si128(a, b); }
VMQ_WIDE_TARGET inline bool is_same(Quads a, Quads b) noexcept {
    const Quads difference = _mm_xor_si128(a, b);
    return _mm_testz_si128(difference, difference) != 0;
}
VMQ_WIDE_TARGET inline __m128 four_floats(const std::byte* from) noexcept {
    return _mm_loadu_ps(reinterpret_cast<const float*>(from));
}
// Of four words of 64 bits in a row.
VMQ_WIDE_TARGET inline Quads lower_halves(const std::byte* from) noexcept {
    return _mm_castps_si128(_mm_shuffle_ps(four_floats(from), four_floats(from + 16), 0b10'00'10'00));
}
// Of the second words of four descriptors in a row.
VMQ_WIDE_TARGET inline Quads upper_halves(const std::byte* from) noexcept {
    const __m128 front = _mm_unpackhi_ps(four_floats(from), four_floats(from + 16));
    const __m128 back = _mm_unpackhi_ps(four_floats(from + 32), four_floats(from + 48));
    return _mm_castpd_si128(_mm_unpackhi_pd(_mm_castps_pd(front), _mm_castps_pd(back)));
}
VMQ_WIDE_TARGET inline __m128i header(const std::byte* at) noexcept {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}
// Of four virtio-net headers; the four bytes behind each, the packet's first, do not matter.
VMQ_WIDE_TARGET inline bool headers_are_clear(const std::byte* a, const std::byte* b, const std::byte* c,
                                              const std::byte* d) noexcept {
    const __m128i any = _mm_or_si128(_mm_or_si128(header(a), header(b)), _mm_or_si128(header(c), header(d)));
    return _mm_testz_si128(any, _mm_setr_epi32(-1, -1, -1, 0)) != 0;
}

}  // namespace
}  // namespace vmq::net::wide
