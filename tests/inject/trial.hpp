// One run through a scenario in which one call fails, and the loop over all calls.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/inject/injector.hpp"

namespace vmq::inject {

enum class Fails { once, from_then_on };

class Trial {
public:
    // Number 0: no call fails.
    Trial(unsigned long number, Fails fails) noexcept : number_(number), fails_(fails) {}

    // The step, with the plan in force. What it throws has to name what failed, unless that is not there to be known.
    // False: it threw.
    template <typename Step>
    bool attempt(const char* name, Step step, bool tells = true) {
        begin(name);
        try {
            const Doing driver{Side::driver};
            step();
        } catch (const std::exception& error) {
            failed(error.what(), tells);
            return false;
        }
        return true;
    }
    // The same; when a single call fails the step is to succeed when it is done once more.
    template <typename Step>
    bool insist(const char* name, Step step, bool tells = true) {
        if (attempt(name, step, tells)) return true;
        if (fails_ == Fails::from_then_on || !failure()) return false;
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{5};
        while (!attempt(name, step, tells))
            if (std::chrono::steady_clock::now() > limit) return give_up();
        return true;
    }
    // Whether what follows has to work.
    [[nodiscard]] bool sound() const noexcept { return fails_ == Fails::once; }
    [[nodiscard]] bool failed_was(std::string_view call) const;
    // Whether this is the step that threw, and memory was short.
    [[nodiscard]] bool lacked_memory_in(std::string_view step) const;
    [[nodiscard]] std::string story() const;
    void begin() const;

private:
    void begin(const char* name);
    void failed(const std::string& problem, bool tells);
    bool give_up();

    unsigned long number_;
    Fails fails_;
    const char* step_ = "";
    const char* failed_step_ = nullptr;
    std::array<char, 256> told_{};  // the first failure, as it was told; no block of the heap
};

// Runs the scenario with call 1 failing, with call 2, and so on until none does, once alone and once with all later
// ones; after each the process holds what it held before: descriptors, threads, mappings, and blocks of the heap unless
// somebody else in the process makes some.
enum class Heap { ours, shared };
void fail_every_call(const std::function<void(Trial&)>& scenario, Heap heap = Heap::ours);

}  // namespace vmq::inject
