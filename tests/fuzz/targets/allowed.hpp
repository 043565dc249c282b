// Which errors a fault outside the program may come to.
#pragma once

#include <cerrno>
#include <system_error>

#include <vmq/error.hpp>

#include "tests/fuzz/harness/require.hpp"

namespace vmq::fuzz {

// Whether the step went through. A device's faults come as errors of vmq's own category, or as the want of memory.
template <typename Step>
bool goes_through(Step step) {
    try {
        step();
        return true;
    } catch (const std::system_error& error) {
        require(error.code().category() == error_category() || error.code() == std::errc::not_enough_memory,
                "a device's faults have errors of their own");
        return false;
    }
}

}  // namespace vmq::fuzz
