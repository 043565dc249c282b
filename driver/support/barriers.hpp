// Access to memory that driver and device share, and the barriers between such accesses. VIRTIO 1.3, 2.7.13 and 3.2.2.
//
// With ORDER_PLATFORM the device may be real hardware, and the barriers have to reach it (VIRTIO 1.3, 6.1). These
// always do. On x86 the ones for another CPU are: its stores, and its loads, of normal memory are seen in order by
// devices too, and a locked instruction or MFENCE keeps a load behind a store. So C++ atomics do there, as on
// architectures that do not tell devices from CPUs. On Arm C++ atomics order only within the inner shareable domain,
// the CPUs'; a device may be outside, so its barriers are those of the outer shareable domain.
#pragma once

#include <atomic>

#include "driver/support/endian.hpp"

#if defined(__SANITIZE_THREAD__)  // g++
#define VMQ_THREAD_SANITIZER 1
#elif defined(__has_feature)
#define VMQ_THREAD_SANITIZER __has_feature(thread_sanitizer)  // clang
#else
#define VMQ_THREAD_SANITIZER 0
#endif

namespace vmq::support {

template <typename T>
[[nodiscard]] T load_relaxed(const LittleEndian<T>& shared) noexcept {
    return swap_if_big_endian(std::atomic_ref<T>(const_cast<T&>(shared.raw())).load(std::memory_order_relaxed));
}

#if defined(__aarch64__)
// Earlier loads before everything later, and everything earlier before everything later.
inline void load_barrier() noexcept { __asm__ volatile("dmb oshld" ::: "memory"); }
inline void device_barrier() noexcept { __asm__ volatile("dmb osh" ::: "memory"); }
#else
inline void load_barrier() noexcept {}
inline void device_barrier() noexcept {}
#endif

template <typename T>
[[nodiscard]] T load_acquire(const LittleEndian<T>& shared) noexcept {
    const T raw = std::atomic_ref<T>(const_cast<T&>(shared.raw())).load(std::memory_order_acquire);
    load_barrier();
    return swap_if_big_endian(raw);
}

template <typename T>
void store_relaxed(LittleEndian<T>& shared, T value) noexcept {
    std::atomic_ref<T>(shared.raw()).store(swap_if_big_endian(value), std::memory_order_relaxed);
}

template <typename T>
void store_release(LittleEndian<T>& shared, T value) noexcept {
    device_barrier();
    std::atomic_ref<T>(shared.raw()).store(swap_if_big_endian(value), std::memory_order_release);
}

// Two words in a row, the first in the lower half, in one access where the processor has one that does not ask for more
// than a word's alignment.
__attribute__((no_sanitize("alignment"))) inline std::uint64_t load_relaxed_pair(
    const LittleEndian<std::uint32_t>& first) noexcept {
#if VMQ_THREAD_SANITIZER || !(defined(__x86_64__) || defined(__aarch64__))
    const LittleEndian<std::uint32_t>* const words = &first;
    return load_relaxed(words[0]) | std::uint64_t{load_relaxed(words[1])} << 32;
#else
    return swap_if_big_endian(__atomic_load_n(reinterpret_cast<const std::uint64_t*>(&first.raw()), __ATOMIC_RELAXED));
#endif
}

// Orders earlier stores before later loads. TSan does not model fences, so under it a sequentially consistent
// read-modify-write on a local takes its place; the generated instruction orders the same way on real CPUs.
inline void full_barrier() noexcept {
#if VMQ_THREAD_SANITIZER
    std::atomic<int> fence{0};
    fence.exchange(1, std::memory_order_seq_cst);
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
    device_barrier();
#endif
}

}  // namespace vmq::support
