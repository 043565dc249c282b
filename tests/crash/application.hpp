// The application that is killed: the program itself, started once more.
#pragma once

#include <cstdint>
#include <string>

namespace vmq::crash {

// Opens the device of the socket, sends numbered packets on every pair, and looks at those that come back. Says
// "ready CANARIES" once each pair has got some; ends with 1 and a line when one is not its own. Does not return
// otherwise.
int run_application(const std::string& socket, std::uint64_t life);

}  // namespace vmq::crash
