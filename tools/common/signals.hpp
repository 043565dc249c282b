// An orderly end on SIGINT and SIGTERM.
#pragma once

#include <chrono>

namespace vmq::tools {

// Blocks both signals in this thread and those it starts from now on, so that wait_for_end() is where they arrive.
void block_end_signals();

// Sleeps until `deadline`; true when one of the signals came before.
[[nodiscard]] bool wait_for_end(std::chrono::steady_clock::time_point deadline);

}  // namespace vmq::tools
