// A slot for each of the last 4,096 packets.
#include "tools/mqperf/soak_ledger.hpp"

#include <algorithm>

namespace vmq::mqperf {

std::uint64_t SoakLedger::leave() noexcept {
    const std::uint64_t number = sent();
    const std::uint64_t before = slot(number).exchange(mark(number, on_its_way), std::memory_order_relaxed);
    if (before != 0 && before % 4 == on_its_way) given_up_.fetch_add(1, std::memory_order_release);
    sent_.store(number + 1, std::memory_order_release);
    return number;
}

void SoakLedger::give_up(bool excused) noexcept {
    const std::uint64_t end = sent();
    std::uint64_t count = 0;
    for (std::uint64_t number = end - std::min<std::uint64_t>(end, slots_.size()); number != end; ++number) {
        std::uint64_t expected = mark(number, on_its_way);
        if (slot(number).compare_exchange_strong(expected, mark(number, excused ? was_excused : was_given_up))) ++count;
    }
    (excused ? excused_ : given_up_).fetch_add(count, std::memory_order_release);
}

void SoakLedger::came_back(std::uint64_t number) noexcept {
    std::uint64_t found = slot(number).load(std::memory_order_relaxed);
    while (found / 4 == number + 1) {
        if (!slot(number).compare_exchange_weak(found, 0)) continue;
        if (found % 4 == on_its_way) returned_.fetch_add(1, std::memory_order_release);
        if (found % 4 == was_given_up) late_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    doubled_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace vmq::mqperf
