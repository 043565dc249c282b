// DPDK's environment: memory, one lcore for each pair on its processor, and an idle main thread beside them.
#pragma once

#include <functional>
#include <string>

#include "tests/bench/dpdk/options.hpp"

namespace bench {

// vdev: the virtual device's arguments, or empty. Ends the program when DPDK does not start.
void start_eal(const Options& options, const std::string& vdev);

// Runs work(pair) on the lcore of each pair; finish_on_lcores waits until all have returned.
void start_on_lcores(unsigned pairs, const std::function<void(unsigned)>& work);
void finish_on_lcores(unsigned pairs);

[[noreturn]] void fail(const std::string& what);

}  // namespace bench
