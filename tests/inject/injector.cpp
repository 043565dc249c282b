// Counting calls, and telling the one that is to fail.
#include "tests/inject/injector.hpp"

#include <atomic>
#include <cerrno>

namespace vmq::inject {
namespace {

std::atomic<unsigned long> current_plan{0};  // 0: none; else a number that no earlier plan had
std::atomic<unsigned long> last_plan{0};
std::atomic<unsigned long> count{0};
std::atomic<unsigned long> target{0};
std::atomic<bool> all_later{false};
std::atomic<bool> allocations_spared{false};
std::atomic<const char*> failed_call{nullptr};
std::atomic<int> failed_error{0};

thread_local unsigned long counted_by = 0;

}  // namespace

void plan(unsigned long which, bool later_too) noexcept {
    count = 0;
    target = which;
    all_later = later_too;
    failed_call = nullptr;
    current_plan = ++last_plan;
}

void end_plan() noexcept { current_plan = 0; }

std::optional<Failure> failure() noexcept {
    const char* const call = failed_call.load();
    if (call == nullptr) return std::nullopt;
    return Failure{call, failed_error.load()};
}

unsigned long calls() noexcept { return count; }

Doing::Doing(Side side) noexcept : before_(counted_by) { counted_by = side == Side::driver ? current_plan.load() : 0; }
Doing::~Doing() { counted_by = before_; }

bool fails(const char* call, int error) noexcept {
    if (counted_by == 0 || counted_by != current_plan.load(std::memory_order_relaxed)) return false;
    const unsigned long number = ++count;
    if (number != target && !(all_later && number > target)) return false;
    if (const char* none = nullptr; failed_call.compare_exchange_strong(none, call)) failed_error = error;
    errno = error;
    return true;
}

void spare_allocations(bool spare) noexcept { allocations_spared = spare; }
bool allocation_fails() noexcept { return !allocations_spared && fails("operator new", ENOMEM); }

unsigned long plan_of_this_thread() noexcept { return counted_by; }
void follow_plan(unsigned long number) noexcept { counted_by = number; }

}  // namespace vmq::inject
