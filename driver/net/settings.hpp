// What the application has set beside the number of pairs and RSS, to be told to the device again after a reset.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include <vmq/coalescing.hpp>
#include <vmq/filter.hpp>

namespace vmq::net {

struct Settings {
    ReceiveMode receive_mode;
    MacFilters mac_filters;
    std::optional<MacAddress> mac;  // nothing: the device's own
    std::set<std::uint16_t> vlans;
    std::optional<Coalescing> coalescing;            // of all pairs; nothing: never set
    std::map<unsigned, Coalescing> pair_coalescing;  // set since, for single pairs
};

}  // namespace vmq::net
