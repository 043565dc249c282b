// What is wrong with an interrupt vector's place.
#pragma once

#include <string>

#include <vmq/stats.hpp>

namespace vmq::tools {

// "on 0-3, wanted 2", and why it could not be set; empty for a vector that is on its vCPU, was placed nowhere or is
// unknown to the kernel.
[[nodiscard]] std::string vector_trouble(const VectorStats& vector);

}  // namespace vmq::tools
