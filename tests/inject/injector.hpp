// Lets one call into the system, or one allocation, fail: the k-th that is made on a thread of the driver.
#pragma once

#include <optional>
#include <string>

namespace vmq::inject {

// What was made to fail.
struct Failure {
    const char* call = nullptr;  // "eventfd", "operator new"
    int error = 0;               // errno
};

// From here on calls are counted, and number `which` (from 1) fails; with `later_too` each one after it fails as well.
// One plan at a time.
void plan(unsigned long which, bool later_too) noexcept;
// Ends it for all threads.
void end_plan() noexcept;
// The first that failed since plan, on any thread.
[[nodiscard]] std::optional<Failure> failure() noexcept;
// Calls counted since plan.
[[nodiscard]] unsigned long calls() noexcept;

// Whether allocations fail too, on all threads.
void spare_allocations(bool spare) noexcept;

// Whose work this thread does while the object lives: the driver's, whose calls are counted and may fail, on this
// thread and on those that it starts; or the test's, whose calls are not.
enum class Side { driver, test };

class Doing {
public:
    explicit Doing(Side side) noexcept;
    ~Doing();
    Doing(const Doing&) = delete;
    Doing& operator=(const Doing&) = delete;

private:
    unsigned long before_;
};

// For the definitions that stand in the place of libc's. True: this call is to fail, and errno is `error`.
[[nodiscard]] bool fails(const char* call, int error) noexcept;
[[nodiscard]] bool allocation_fails() noexcept;
// For pthread_create: the plan that counts this thread's calls, 0 for none, and its inheritance.
[[nodiscard]] unsigned long plan_of_this_thread() noexcept;
void follow_plan(unsigned long plan) noexcept;

// Memory mappings and heap blocks that the program has made and not given back.
[[nodiscard]] long live_mappings() noexcept;
[[nodiscard]] long live_blocks() noexcept;

}  // namespace vmq::inject
