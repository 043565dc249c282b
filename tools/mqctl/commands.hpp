// mqctl's commands: which there are, and what each takes.
#pragma once

#include "tools/common/command_line.hpp"

namespace vmq::mqctl {

// Everything from the words of the command line to the output. Throws tools::Failure and tools::UsageError.
void run_command(const tools::CommandLine& line);

}  // namespace vmq::mqctl
