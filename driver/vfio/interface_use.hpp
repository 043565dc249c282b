// Whether a kernel network interface is in use, so that taking it away would cut somebody off.
#pragma once

#include <string>
#include <string_view>

#include "driver/vfio/system_roots.hpp"

namespace vmq::vfio {

// What stands in the way ("it carries 10.0.0.7"); empty: nothing. A link-local IPv6 address or route is on every
// interface that is up and does not count.
[[nodiscard]] std::string interface_use(const SystemRoots& roots, const std::string& interface);

// The parts of it, on the texts of /proc/net/route and /proc/net/ipv6_route.
[[nodiscard]] bool has_route(std::string_view table, std::string_view interface);
[[nodiscard]] bool has_ipv6_route(std::string_view table, std::string_view interface);

}  // namespace vmq::vfio
