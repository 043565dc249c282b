// `mqctl map --svg`: the queue pairs drawn on the vCPUs that they were given.
#pragma once

#include <string>
#include <vector>

#include <vmq/info.hpp>
#include <vmq/stats.hpp>
#include <vmq/topology.hpp>

namespace vmq::mqctl {

// A picture of its own: NUMA nodes hold packages, those hold cores, those vCPUs, and those the pairs that are placed
// there with their vectors, IRQs and threads. What is elsewhere than it was asked to be has a colour of its own.
[[nodiscard]] std::string map_svg(const Info& info, const InterruptTable& interrupts,
                                  const std::vector<Processor>& processors);

// The same for this machine, into a file, which is replaced. Throws std::system_error naming it.
void write_map_svg(const std::string& file, const Info& info, const InterruptTable& interrupts);

}  // namespace vmq::mqctl
