// Four packets at a time.
//
// A group's handles are three lines of four words: d0 b0 s0 d1 b1 s1 d2 b2 and s2 d3 b3 s3, where d is the data's
// address, b the buffer and s the shape; four refs are d0 b0 d1 b1 d2 b2 d3 b3, and four descriptors of either ring
// d0 s0 d1 s1 d2 s2 d3 s3 once addresses and shapes have been moved by constants.
#include "driver/net/wide.hpp"

#include "driver/net/packet_access.hpp"
#include "driver/support/barriers.hpp"

// TSan does not see into vectors, and the device may write what they load.
#if defined(__x86_64__) && !VMQ_THREAD_SANITIZER
#define VMQ_WIDE 1
#include <immintrin.h>
#else
#define VMQ_WIDE 0
#endif

namespace vmq::net::wide {

#if VMQ_WIDE

namespace {

#define VMQ_WIDE_TARGET [[gnu::target("avx512f,avx512vl")]]

struct Handles {
    __m512i front;
    __m256i back;
};

VMQ_WIDE_TARGET inline Handles load_handles(const Packet* packets) {
    return {_mm512_loadu_si512(packets), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(packets) + 2)};
}
VMQ_WIDE_TARGET inline __m512i refs_of(const Handles& handles) {
    const __m512i words = _mm512_setr_epi64(0, 1, 3, 4, 6, 7, 8 + 1, 8 + 2);
    return _mm512_permutex2var_epi64(handles.front, words, _mm512_castsi256_si512(handles.back));
}
VMQ_WIDE_TARGET inline __m512i addresses_and_shapes(const Handles& handles) {
    const __m512i words = _mm512_setr_epi64(0, 2, 3, 5, 6, 8 + 0, 8 + 1, 8 + 3);
    return _mm512_permutex2var_epi64(handles.front, words, _mm512_castsi256_si512(handles.back));
}
// The shapes are the words at the odd places.
VMQ_WIDE_TARGET inline void store_handles(Packet* packets, __m512i refs, __m512i odd_shapes) {
    const __m512i front = _mm512_setr_epi64(0, 1, 8 + 1, 2, 3, 8 + 3, 4, 5);
    const __m512i back = _mm512_setr_epi64(8 + 5, 6, 7, 8 + 7, 0, 0, 0, 0);
    _mm512_storeu_si512(packets, _mm512_permutex2var_epi64(refs, front, odd_shapes));
    const __m512i last_words = _mm512_permutex2var_epi64(refs, back, odd_shapes);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(packets) + 2, _mm512_maskz_extracti64x4_epi64(0xff, last_words, 0));
}
// The words at odd places are `odd`, those at even places `even`.
VMQ_WIDE_TARGET inline __m512i alternating(std::uint64_t even, std::uint64_t odd) {
    return _mm512_mask_set1_epi64(_mm512_set1_epi64(static_cast<long long>(even)), 0xaa, static_cast<long long>(odd));
}
// What the ids of four descriptors in a row add to their second words.
VMQ_WIDE_TARGET inline __m512i steps(std::uint64_t step) {
    const auto s = static_cast<long long>(step);
    return _mm512_setr_epi64(0, 0, 0, s, 0, 2 * s, 0, 3 * s);
}

VMQ_WIDE_TARGET inline std::uint64_t sum_of_odd_words(__m512i words) {
    alignas(64) std::uint64_t word[8];
    _mm512_store_si512(word, words);
    return word[1] + word[3] + word[5] + word[7];
}

inline std::uint64_t header_bits(const Packet& packet) noexcept {
    std::uint64_t front;
    std::uint64_t back;
    const std::byte* const header = PacketAccess::data(packet) - header_size;
    std::memcpy(&front, header, sizeof front);
    std::memcpy(&back, header + header_size - sizeof back, sizeof back);
    return front | back;
}

// Of the packet in this buffer, 0 when it is in no other.
inline unsigned further_buffers(const BufferRef& ref) noexcept {
    std::uint16_t num_buffers;
    std::memcpy(&num_buffers, ref.data - sizeof num_buffers, sizeof num_buffers);
    return num_buffers ^ 1u;
}

constexpr __mmask8 odd_words = 0xaa;

}  // namespace

bool available() noexcept {
    static const bool has = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0;
    return has;
}

VMQ_WIDE_TARGET std::size_t make(Packet* packets, const BufferRef* refs, std::size_t count,
                                 std::uint64_t shape) noexcept {
    const __m512i shapes = _mm512_set1_epi64(static_cast<long long>(shape));
    std::size_t done = 0;
    for (; count - done >= group; done += group) store_handles(packets + done, _mm512_loadu_si512(refs + done), shapes);
    return done;
}

VMQ_WIDE_TARGET std::size_t give(BufferRef* refs, const Packet* packets, std::size_t count,
                                 std::uint32_t form) noexcept {
    const __m512i forms = _mm512_set1_epi64(static_cast<long long>(std::uint64_t{form} << 32));
    const __m512i upper = _mm512_set1_epi64(static_cast<long long>(~std::uint64_t{0} << 32));
    std::size_t done = 0;
    for (; count - done >= group; done += group) {
        const Handles handles = load_handles(packets + done);
        const __m512i found = _mm512_and_si512(addresses_and_shapes(handles), upper);
        if (_mm512_mask_cmpneq_epi64_mask(odd_words, found, forms) != 0) break;
        _mm512_storeu_si512(refs + done, refs_of(handles));
    }
    return done;
}

VMQ_WIDE_TARGET std::size_t stage(virtio::RawDescriptors at, BufferRef* slots, const Packet* packets, std::size_t count,
                                  const Staging& staging, std::uint64_t& bytes) noexcept {
    const __m512i shortest = _mm512_set1_epi64(static_cast<long long>(staging.shortest));
    const __m512i longest = _mm512_set1_epi64(static_cast<long long>(staging.longest));
    // Takes the form out of a shape and puts flags and id in its place.
    const std::uint64_t to_word = at.word + header_size - (staging.shortest - 1);
    __m512i change = _mm512_add_epi64(alternating(staging.to_header, to_word), steps(at.step));
    const __m512i next_group = alternating(0, group * at.step);
    __m512i sum = _mm512_setzero_si512();
    std::size_t done = 0;
    for (; count - done >= group; done += group) {
        const Packet* const four = packets + done;
        const Handles handles = load_handles(four);
        const __m512i words = addresses_and_shapes(handles);
        const __m512i over = _mm512_sub_epi64(words, shortest);
        if (_mm512_mask_cmpge_epu64_mask(odd_words, over, longest) != 0) break;
        if ((header_bits(four[0]) | header_bits(four[1]) | header_bits(four[2]) | header_bits(four[3])) != 0)
            for (std::size_t i = 0; i < group; ++i)
                std::memset(PacketAccess::data(four[i]) - header_size, 0, header_size);
        _mm512_storeu_si512(at.first + done * 16, _mm512_add_epi64(words, change));
        _mm512_storeu_si512(slots + done, refs_of(handles));
        change = _mm512_add_epi64(change, next_group);
        sum = _mm512_mask_add_epi64(sum, odd_words, sum, words);
    }
    bytes += sum_of_odd_words(sum);
    return done;
}

VMQ_WIDE_TARGET std::size_t post(virtio::RawDescriptors at, BufferRef* slots, const BufferRef* refs, std::size_t count,
                                 std::uint64_t to_header) noexcept {
    const __m512i addresses = alternating(to_header, 0);
    __m512i words = _mm512_add_epi64(alternating(0, at.word), steps(at.step));
    const __m512i next_group = alternating(0, group * at.step);
    std::size_t done = 0;
    for (; count - done >= group; done += group) {
        const __m512i four = _mm512_loadu_si512(refs + done);
        _mm512_storeu_si512(slots + done, four);
        _mm512_storeu_si512(at.first + done * 16,
                            _mm512_mask_mov_epi64(_mm512_add_epi64(four, addresses), odd_words, words));
        words = _mm512_add_epi64(words, next_group);
    }
    return done;
}

namespace {

// Four used elements as words of length in the lower and id (and flags) in the upper half, at the odd places.
VMQ_WIDE_TARGET inline __m512i load_used(const virtio::RawUsed& used, std::size_t index) {
    if (used.packed) return _mm512_loadu_si512(used.first + index * 16);
    const __m256i elements = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(used.first + index * 8));
    const __m512i places = _mm512_setr_epi64(0, 0, 0, 1, 0, 2, 0, 3);
    const __m512i spread = _mm512_maskz_permutexvar_epi64(odd_words, places, _mm512_castsi256_si512(elements));
    return _mm512_maskz_rol_epi64(odd_words, spread, 32);  // there id is in the lower half
}

}  // namespace

VMQ_WIDE_TARGET std::size_t take(virtio::RawUsed used, const BufferRef* slots, Packet* packets, std::size_t count,
                                 const Taking& taking, std::uint64_t& bytes) noexcept {
    const __m512i lower = _mm512_set1_epi64(0xffffffff);
    const __m512i upper = _mm512_set1_epi64(static_cast<long long>(std::uint64_t{used.mask} << 32));
    const std::uint64_t first = std::uint64_t{used.expected} << 32;
    __m512i expected = _mm512_add_epi64(alternating(0, first), steps(std::uint64_t{1} << 32));
    const __m512i next_group = alternating(0, std::uint64_t{group} << 32);
    const __m512i shortest = _mm512_set1_epi64(header_size + 1);
    const __m512i longest = _mm512_set1_epi64(taking.longest);
    const __m512i to_shape = _mm512_set1_epi64(static_cast<long long>(taking.whole - header_size));
    __m512i sum = _mm512_setzero_si512();
    std::size_t done = 0;
    for (; count - done >= group; done += group) {
        const __m512i words = load_used(used, done);
        // Once, and before whatever the buffers hold; the processor itself keeps loads in order.
        std::atomic_signal_fence(std::memory_order_acq_rel);
        const __m512i ids = _mm512_and_si512(words, upper);
        const __m512i lengths = _mm512_and_si512(words, lower);
        const auto odd_ids = _mm512_mask_cmpneq_epi64_mask(odd_words, ids, expected);
        const auto odd_lengths = _mm512_mask_cmpge_epu64_mask(odd_words, _mm512_sub_epi64(lengths, shortest), longest);
        if ((odd_ids | odd_lengths) != 0) break;
        const BufferRef* const four = slots + done;
        if (taking.mergeable && (further_buffers(four[0]) | further_buffers(four[1]) | further_buffers(four[2]) |
                                 further_buffers(four[3])) != 0)
            break;
        store_handles(packets + done, _mm512_loadu_si512(four), _mm512_add_epi64(lengths, to_shape));
        expected = _mm512_add_epi64(expected, next_group);
        sum = _mm512_mask_add_epi64(sum, odd_words, sum, lengths);
    }
    bytes += sum_of_odd_words(sum) - done * header_size;
    return done;
}

#else

bool available() noexcept { return false; }
std::size_t make(Packet*, const BufferRef*, std::size_t, std::uint64_t) noexcept { return 0; }
std::size_t give(BufferRef*, const Packet*, std::size_t, std::uint32_t) noexcept { return 0; }
std::size_t stage(virtio::RawDescriptors, BufferRef*, const Packet*, std::size_t, const Staging&,
                  std::uint64_t&) noexcept {
    return 0;
}
std::size_t post(virtio::RawDescriptors, BufferRef*, const BufferRef*, std::size_t, std::uint64_t) noexcept {
    return 0;
}
std::size_t take(virtio::RawUsed, const BufferRef*, Packet*, std::size_t, const Taking&, std::uint64_t&) noexcept {
    return 0;
}

#endif

}  // namespace vmq::net::wide
