// Inputs to begin with: they do what a device, a backend, a tool or an operator does, well or badly.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/harness/targets.hpp"

namespace vmq::fuzz {

struct Seed {
    std::string name;
    std::vector<std::byte> input;
    std::size_t through = 0;  // what the target returns
};

struct SeededTarget {
    std::string_view name;
    Target* target = nullptr;
    std::vector<Seed> seeds;
};

[[nodiscard]] std::vector<Seed> split_ring_seeds();
[[nodiscard]] std::vector<Seed> packed_ring_seeds();
[[nodiscard]] std::vector<Seed> pci_seeds();
[[nodiscard]] std::vector<Seed> control_reply_seeds();
[[nodiscard]] std::vector<Seed> offload_seeds();
[[nodiscard]] std::vector<Seed> vhost_seeds();
[[nodiscard]] std::vector<Seed> control_socket_seeds();
[[nodiscard]] std::vector<Seed> command_line_seeds();

[[nodiscard]] std::vector<SeededTarget> all_targets();

// A file for each seed, in a folder for each target, which is made. Throws std::filesystem::filesystem_error, or
// std::ios_base::failure.
void write_seeds(const std::filesystem::path& folder);

}  // namespace vmq::fuzz
