// The choice of a hash type for a flow, and the bytes that it covers.
#include "affinity/hash_input.hpp"

#include <algorithm>
#include <initializer_list>

namespace vmq::affinity {
namespace {

using steering::Flow;
using steering::Protocol;

HashReport first_enabled(std::uint32_t types, std::initializer_list<HashReport> wanted) noexcept {
    for (const HashReport report : wanted)
        if ((types >> (static_cast<unsigned>(report) - 1) & 1) != 0) return report;  // 5.1.6.4.3.4
    return HashReport::none;
}

// 5.1.6.4.3.2 and, for IPv6, 5.1.6.4.3.3 and .4 as QEMU reads them.
HashReport choose(std::uint32_t types, const Flow& flow) noexcept {
    using enum HashReport;
    const bool tcp = flow.protocol == Protocol::tcp;
    const bool udp = flow.protocol == Protocol::udp;
    if (flow.source.is_v4() != flow.destination.is_v4()) return none;
    if (flow.source.is_v4()) {
        if (tcp) return first_enabled(types, {tcpv4, ipv4});
        if (udp) return first_enabled(types, {udpv4, ipv4});
        return first_enabled(types, {ipv4});
    }
    if (tcp) return first_enabled(types, {tcpv6_ex, tcpv6, ipv6_ex, ipv6});
    if (udp) return first_enabled(types, {udpv6_ex, udpv6, ipv6_ex, ipv6});
    return first_enabled(types, {ipv6_ex, ipv6});
}

bool covers_ports(HashReport report) noexcept {
    using enum HashReport;
    return report != none && report != ipv4 && report != ipv6 && report != ipv6_ex;
}

bool covers_extensions(HashReport report) noexcept { return report >= HashReport::ipv6_ex; }

void append(HashInput& input, std::span<const std::uint8_t> bytes) noexcept {
    std::ranges::copy(bytes, input.storage.begin() + static_cast<std::ptrdiff_t>(input.size));
    input.size += bytes.size();
}

void append(HashInput& input, std::uint16_t port) noexcept {
    append(input, std::array{static_cast<std::uint8_t>(port >> 8), static_cast<std::uint8_t>(port & 0xff)});
}

}  // namespace

HashInput hash_input(std::uint32_t types, const Flow& flow) noexcept {
    HashInput input;
    input.report = choose(types, flow);
    if (input.report == HashReport::none) return input;

    const bool extensions = covers_extensions(input.report);
    append(input, (extensions && flow.home_address ? *flow.home_address : flow.source).bytes());
    append(input, (extensions && flow.routing_address ? *flow.routing_address : flow.destination).bytes());
    input.with_ports = covers_ports(input.report);
    if (input.with_ports) {
        append(input, flow.source_port);
        append(input, flow.destination_port);
    }
    return input;
}

}  // namespace vmq::affinity
