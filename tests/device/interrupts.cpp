// Raising interrupts through eventfds.
#include "tests/device/interrupts.hpp"

#include <unistd.h>

namespace vmq::software {

void Interrupts::connect(std::span<const int> eventfds) noexcept {
    for (unsigned i = 0; i < max_vectors; ++i)
        vectors_[i].fd.store(i < eventfds.size() ? eventfds[i] : -1, std::memory_order_relaxed);
    connected_.store(static_cast<unsigned>(eventfds.size()), std::memory_order_relaxed);
}

void Interrupts::raise(virtio::VectorIndex vector) noexcept {
    if (vector.value >= max_vectors || mode() == InterruptMode::lost) return;
    Vector& entry = vectors_[vector.value];
    const int fd = entry.fd.load(std::memory_order_relaxed);
    if (fd < 0) return;
    const std::uint64_t times = mode() == InterruptMode::storm ? 100 : 1;
    entry.count.fetch_add(times, std::memory_order_relaxed);
    [[maybe_unused]] const auto written = ::write(fd, &times, sizeof times);
}

}  // namespace vmq::software
