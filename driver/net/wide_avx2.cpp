// The wide routines with vectors of 32 bytes, two for a group.
#include "driver/net/wide.hpp"
#include "driver/support/barriers.hpp"

// TSan does not see into vectors, and the device may write what they load.
#if defined(__x86_64__) && !VMQ_THREAD_SANITIZER

#include <immintrin.h>

#define VMQ_WIDE_TARGET [[gnu::target("avx2")]]

namespace vmq::net::wide {
namespace {

struct Words {
    __m256i low;  // of the first two packets
    __m256i high;
};

VMQ_WIDE_TARGET inline __m256i half(const void* from, std::size_t offset) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(static_cast<const std::byte*>(from) + offset));
}
VMQ_WIDE_TARGET inline __m128i quarter(const void* from, std::size_t offset) noexcept {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(static_cast<const std::byte*>(from) + offset));
}

VMQ_WIDE_TARGET inline Words load(const void* from) noexcept { return {half(from, 0), half(from, 32)}; }
VMQ_WIDE_TARGET inline void store(void* to, Words words) noexcept {
    auto* const halves = static_cast<__m256i*>(to);
    _mm256_storeu_si256(halves, words.low);
    _mm256_storeu_si256(halves + 1, words.high);
}
VMQ_WIDE_TARGET inline bool is_same(Words a, Words b) noexcept {
    const __m256i different = _mm256_or_si256(_mm256_xor_si256(a.low, b.low), _mm256_xor_si256(a.high, b.high));
    return _mm256_testz_si256(different, different) != 0;
}
VMQ_WIDE_TARGET inline Words add(Words a, Words b) noexcept {
    return {_mm256_add_epi64(a.low, b.low), _mm256_add_epi64(a.high, b.high)};
}
VMQ_WIDE_TARGET inline Words sub(Words a, Words b) noexcept {
    return {_mm256_sub_epi64(a.low, b.low), _mm256_sub_epi64(a.high, b.high)};
}
VMQ_WIDE_TARGET inline Words both(Words a, Words b) noexcept {
    return {_mm256_and_si256(a.low, b.low), _mm256_and_si256(a.high, b.high)};
}
VMQ_WIDE_TARGET inline Words even_and_odd(Words a, Words b) noexcept {
    return {_mm256_blend_epi32(a.low, b.low, 0xcc), _mm256_blend_epi32(a.high, b.high, 0xcc)};
}

VMQ_WIDE_TARGET inline Words alternating(std::uint64_t even_word, std::uint64_t odd_word) noexcept {
    const auto even = static_cast<long long>(even_word);
    const auto odd = static_cast<long long>(odd_word);
    const __m256i words = _mm256_setr_epi64x(even, odd, even, odd);
    return {words, words};
}
// At the odd places 0, 1, 2 and 3 steps.
VMQ_WIDE_TARGET inline Words steps(std::uint64_t step) noexcept {
    const auto s = static_cast<long long>(step);
    return {_mm256_setr_epi64x(0, 0, 0, s), _mm256_setr_epi64x(0, 2 * s, 0, 3 * s)};
}

VMQ_WIDE_TARGET inline Words first_odd(std::uint64_t word) noexcept {
    return {_mm256_setr_epi64x(0, static_cast<long long>(word), 0, 0), _mm256_setzero_si256()};
}

// For odd_below, up to 2^32: the largest lower half; the upper one must be 0.
VMQ_WIDE_TARGET inline Words limit(std::uint64_t value) noexcept { return alternating(0, value - 1); }
VMQ_WIDE_TARGET inline bool odd_below(Words words, Words limits) noexcept {
    const __m256i low = _mm256_cmpeq_epi32(words.low, _mm256_min_epu32(words.low, limits.low));
    const __m256i high = _mm256_cmpeq_epi32(words.high, _mm256_min_epu32(words.high, limits.high));
    return _mm256_testc_si256(_mm256_and_si256(low, high), _mm256_setr_epi64x(0, -1, 0, -1)) != 0;
}
VMQ_WIDE_TARGET inline std::uint64_t sum_of_odd(Words words) noexcept {
    const __m256i sums = _mm256_add_epi64(words.low, words.high);
    return static_cast<std::uint64_t>(_mm256_extract_epi64(sums, 1)) +
           static_cast<std::uint64_t>(_mm256_extract_epi64(sums, 3));
}

VMQ_WIDE_TARGET inline Words load_refs(const Packet* four) noexcept {
    return {_mm256_inserti128_si256(_mm256_castsi128_si256(quarter(four, 0)), quarter(four, 24), 1),
            _mm256_inserti128_si256(_mm256_castsi128_si256(quarter(four, 48)), quarter(four, 72), 1)};
}
VMQ_WIDE_TARGET inline Words load_addresses_and_shapes(const Packet* four) noexcept {
    const __m256i front = half(four, 0);    // d0 b0 s0 d1
    const __m256i middle = half(four, 32);  // b1 s1 d2 b2
    const __m256i back = half(four, 64);    // s2 d3 b3 s3
    return {_mm256_permute4x64_epi64(_mm256_blend_epi32(front, middle, 0x0c), 0b01'11'10'00),
            _mm256_permute4x64_epi64(_mm256_blend_epi32(back, middle, 0x30), 0b11'01'00'10)};
}
VMQ_WIDE_TARGET inline void store_handle(std::byte* to, __m128i ref, __m128i odd_shape) noexcept {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), ref);
    _mm_storeh_pd(reinterpret_cast<double*>(to + 16), _mm_castsi128_pd(odd_shape));
}
VMQ_WIDE_TARGET inline void store_two(std::byte* to, __m256i refs, __m256i odd_shapes) noexcept {
    store_handle(to, _mm256_castsi256_si128(refs), _mm256_castsi256_si128(odd_shapes));
    store_handle(to + 24, _mm256_extracti128_si256(refs, 1), _mm256_extracti128_si256(odd_shapes, 1));
}
VMQ_WIDE_TARGET inline void store_handles(Packet* four, Words refs, Words odd_shapes) noexcept {
    auto* const to = reinterpret_cast<std::byte*>(four);
    store_two(to, refs.low, odd_shapes.low);
    store_two(to + 48, refs.high, odd_shapes.high);
}

// Four elements of id and length as odd words of length and id.
VMQ_WIDE_TARGET inline Words load_id_and_length(const std::byte* from) noexcept {
    const __m256i elements = _mm256_shuffle_epi32(half(from, 0), 0b10'11'00'01);
    return {_mm256_permute4x64_epi64(elements, 0b01'01'00'00), _mm256_permute4x64_epi64(elements, 0b11'11'10'10)};
}

}  // namespace
}  // namespace vmq::net::wide

#include "driver/net/wide_loops.hpp"

namespace vmq::net::wide {

const Routines* with_avx2() noexcept { return __builtin_cpu_supports("avx2") != 0 ? &loops : nullptr; }

}  // namespace vmq::net::wide

#else

const vmq::net::wide::Routines* vmq::net::wide::with_avx2() noexcept { return nullptr; }

#endif
