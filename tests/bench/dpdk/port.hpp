// The virtio_user port of the frontend.
#pragma once

#include <cstdint>
#include <rte_mempool.h>
#include <string>
#include <vector>

#include "tests/bench/dpdk/options.hpp"

namespace bench {

// The arguments of net_virtio_user for what the options ask for.
std::string virtio_user_arguments(const Options& options);

struct Port {
    std::uint16_t id = 0;
    std::vector<rte_mempool*> pools;  // one for each pair
};

Port start_port(const Options& options);
void stop_port(const Port& port);

// The names of the burst routines that DPDK chose, as a JSON object.
std::string chosen_routines(const Port& port);

}  // namespace bench
