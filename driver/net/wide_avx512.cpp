// The wide routines with vectors of 64 bytes: a line of four descriptors is one store.
#include "driver/net/wide.hpp"
#include "driver/support/barriers.hpp"

// TSan does not see into vectors, and the device may write what they load.
#if defined(__x86_64__) && !VMQ_THREAD_SANITIZER

#include <immintrin.h>

#define VMQ_WIDE_TARGET [[gnu::target("avx512f,avx512vl")]]

namespace vmq::net::wide {
namespace {

using Words = __m512i;
constexpr __mmask8 odd = 0xaa;

VMQ_WIDE_TARGET inline Words load(const void* from) noexcept { return _mm512_loadu_si512(from); }
VMQ_WIDE_TARGET inline void store(void* to, Words words) noexcept { _mm512_storeu_si512(to, words); }
VMQ_WIDE_TARGET inline bool is_same(Words a, Words b) noexcept { return _mm512_cmpneq_epi64_mask(a, b) == 0; }
VMQ_WIDE_TARGET inline Words add(Words a, Words b) noexcept { return _mm512_add_epi64(a, b); }
VMQ_WIDE_TARGET inline Words sub(Words a, Words b) noexcept { return _mm512_sub_epi64(a, b); }
VMQ_WIDE_TARGET inline Words both(Words a, Words b) noexcept { return _mm512_and_si512(a, b); }
VMQ_WIDE_TARGET inline Words even_and_odd(Words a, Words b) noexcept { return _mm512_mask_mov_epi64(a, odd, b); }

VMQ_WIDE_TARGET inline Words alternating(std::uint64_t even_word, std::uint64_t odd_word) noexcept {
    return even_and_odd(_mm512_set1_epi64(static_cast<long long>(even_word)),
                        _mm512_set1_epi64(static_cast<long long>(odd_word)));
}
// At the odd places 0, 1, 2 and 3 steps.
VMQ_WIDE_TARGET inline Words steps(std::uint64_t step) noexcept {
    const auto s = static_cast<long long>(step);
    return _mm512_setr_epi64(0, 0, 0, s, 0, 2 * s, 0, 3 * s);
}

VMQ_WIDE_TARGET inline Words first_odd(std::uint64_t word) noexcept {
    return _mm512_setr_epi64(0, static_cast<long long>(word), 0, 0, 0, 0, 0, 0);
}

// For odd_below; up to 2^32.
VMQ_WIDE_TARGET inline Words limit(std::uint64_t value) noexcept { return alternating(value, value); }
VMQ_WIDE_TARGET inline bool odd_below(Words words, Words limits) noexcept {
    return _mm512_mask_cmpge_epu64_mask(odd, words, limits) == 0;
}
VMQ_WIDE_TARGET inline std::uint64_t sum_of_odd(Words words) noexcept {
    alignas(64) std::uint64_t word[8];
    _mm512_store_si512(word, words);
    return word[1] + word[3] + word[5] + word[7];
}

// The eight words of `places` from a group's handles.
VMQ_WIDE_TARGET inline Words pick(const Packet* four, Words places) noexcept {
    const auto* const front = reinterpret_cast<const std::byte*>(four);
    const __m256i back = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(front + 64));
    return _mm512_permutex2var_epi64(load(front), places, _mm512_maskz_broadcast_i64x4(0x0f, back));
}
VMQ_WIDE_TARGET inline Words load_refs(const Packet* four) noexcept {
    return pick(four, _mm512_setr_epi64(0, 1, 3, 4, 6, 7, 9, 10));
}
VMQ_WIDE_TARGET inline Words load_addresses_and_shapes(const Packet* four) noexcept {
    return pick(four, _mm512_setr_epi64(0, 2, 3, 5, 6, 8, 9, 11));
}
VMQ_WIDE_TARGET inline void store_handles(Packet* four, Words refs, Words odd_shapes) noexcept {
    auto* const to = reinterpret_cast<std::byte*>(four);
    store(to, _mm512_permutex2var_epi64(refs, _mm512_setr_epi64(0, 1, 8 + 1, 2, 3, 8 + 3, 4, 5), odd_shapes));
    const Words last = _mm512_permutex2var_epi64(refs, _mm512_setr_epi64(8 + 5, 6, 7, 8 + 7, 0, 0, 0, 0), odd_shapes);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 64), _mm512_maskz_extracti64x4_epi64(0xff, last, 0));
}

// Four elements of id and length as odd words of length and id.
VMQ_WIDE_TARGET inline Words load_id_and_length(const std::byte* from) noexcept {
    const __m256i elements = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    const Words spread = _mm512_maskz_permutexvar_epi64(odd, _mm512_setr_epi64(0, 0, 0, 1, 0, 2, 0, 3),
                                                        _mm512_maskz_broadcast_i64x4(0x0f, elements));
    return _mm512_maskz_rol_epi64(odd, spread, 32);
}

}  // namespace
}  // namespace vmq::net::wide

#include "driver/net/wide_loops.hpp"

namespace vmq::net::wide {

const Routines* with_avx512() noexcept {
    const bool has = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0;
    return has ? &loops : nullptr;
}

}  // namespace vmq::net::wide

#else

const vmq::net::wide::Routines* vmq::net::wide::with_avx512() noexcept { return nullptr; }

#endif
