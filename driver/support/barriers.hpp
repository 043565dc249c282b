// Access to memory that driver and device share, and the barriers between such accesses. VIRTIO 1.3, 2.7.13 and 3.2.2.
//
// The device is treated as another CPU that sees normal memory (VIRTIO_F_ORDER_PLATFORM not negotiated, or an
// architecture whose CPU and DMA ordering agree), so C++ atomics give the ordering the specification asks for.
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

template <typename T>
[[nodiscard]] T load_acquire(const LittleEndian<T>& shared) noexcept {
    return swap_if_big_endian(std::atomic_ref<T>(const_cast<T&>(shared.raw())).load(std::memory_order_acquire));
}

template <typename T>
void store_relaxed(LittleEndian<T>& shared, T value) noexcept {
    std::atomic_ref<T>(shared.raw()).store(swap_if_big_endian(value), std::memory_order_relaxed);
}

template <typename T>
void store_release(LittleEndian<T>& shared, T value) noexcept {
    std::atomic_ref<T>(shared.raw()).store(swap_if_big_endian(value), std::memory_order_release);
}

// Orders earlier stores before later loads. TSan does not model fences, so under it a sequentially consistent
// read-modify-write on a local takes its place; the generated instruction orders the same way on real CPUs.
inline void full_barrier() noexcept {
#if VMQ_THREAD_SANITIZER
    std::atomic<int> fence{0};
    fence.exchange(1, std::memory_order_seq_cst);
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

}  // namespace vmq::support
