// An IP address from its text.
#include <arpa/inet.h>
#include <bit>
#include <stdexcept>
#include <string>
#include <sys/socket.h>

#include <vmq/steering.hpp>

namespace vmq::steering {

Address Address::parse(std::string_view text) {
    const std::string copy(text);  // inet_pton wants a zero at the end
    in_addr v4_bytes{};
    in6_addr v6_bytes{};
    if (copy.find('\0') == std::string::npos) {
        if (::inet_pton(AF_INET, copy.c_str(), &v4_bytes) == 1)
            return v4(std::bit_cast<std::array<std::uint8_t, 4>>(v4_bytes));
        if (::inet_pton(AF_INET6, copy.c_str(), &v6_bytes) == 1)
            return v6(std::bit_cast<std::array<std::uint8_t, 16>>(v6_bytes));
    }
    throw std::invalid_argument("\"" + copy + "\" is no IPv4 or IPv6 address (one is like 192.0.2.1 or 2001:db8::1)");
}

}  // namespace vmq::steering
