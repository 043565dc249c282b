// Whether a kernel network interface is in use, so that taking it away would cut somebody off.
#include "driver/vfio/interface_use.hpp"

#include <arpa/inet.h>
#include <array>
#include <fstream>
#include <ifaddrs.h>
#include <iterator>
#include <memory>
#include <netinet/in.h>
#include <sstream>
#include <vector>

#include "driver/support/errors.hpp"

namespace vmq::vfio {

namespace fs = std::filesystem;

namespace {

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream stream{line};
    return {std::istream_iterator<std::string>{stream}, {}};
}

std::string content(const fs::path& file) {
    std::ostringstream text;
    if (std::ifstream stream{file}; stream.peek() != std::ifstream::traits_type::eof()) text << stream.rdbuf();
    return text.str();
}

// The text of an address that counts, else empty.
std::string address_text(const sockaddr* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address == nullptr) return {};
    if (address->sa_family == AF_INET) {
        const auto* ipv4 = reinterpret_cast<const sockaddr_in*>(address);
        ::inet_ntop(AF_INET, &ipv4->sin_addr, text.data(), text.size());
    } else if (address->sa_family == AF_INET6) {
        const auto* ipv6 = reinterpret_cast<const sockaddr_in6*>(address);
        if (IN6_IS_ADDR_LINKLOCAL(&ipv6->sin6_addr)) return {};
        ::inet_ntop(AF_INET6, &ipv6->sin6_addr, text.data(), text.size());
    }
    return text.data();
}

std::string first_address(const std::string& interface) {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) support::fail_errno("getifaddrs");
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner{list, ::freeifaddrs};
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next)
        if (interface == entry->ifa_name)
            if (auto text = address_text(entry->ifa_addr); !text.empty()) return text;
    return {};
}

// A bridge, bond, VLAN or macvlan on top of the interface, which may carry the address instead.
std::string upper_interface(const SystemRoots& roots, const std::string& interface) {
    constexpr std::string_view prefix = "upper_";
    std::error_code failure;
    for (fs::directory_iterator entry{roots.sys / "class/net" / interface, failure}, end; !failure && entry != end;
         entry.increment(failure)) {
        const std::string name = entry->path().filename().string();
        if (name.starts_with(prefix)) return name.substr(prefix.size());
    }
    return {};
}

}  // namespace

std::string interface_use(const SystemRoots& roots, const std::string& interface) {
    if (const auto address = first_address(interface); !address.empty()) return "it carries the address " + address;
    if (has_route(content(roots.proc / "net/route"), interface)) return "it carries an IPv4 route";
    if (has_ipv6_route(content(roots.proc / "net/ipv6_route"), interface)) return "it carries an IPv6 route";
    if (const auto upper = upper_interface(roots, interface); !upper.empty()) return upper + " is on top of it";
    return {};
}

bool has_route(std::string_view table, std::string_view interface) {
    // "Iface Destination Gateway …", after one line of headings.
    std::istringstream lines{std::string{table}};
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line))
        if (const auto words = words_of(line); !words.empty() && words.front() == interface) return true;
    return false;
}

bool has_ipv6_route(std::string_view table, std::string_view interface) {
    // "destination length source length gateway metric references uses flags interface". The kernel itself routes
    // fe80::/10 and ff00::/8 on every interface.
    std::istringstream lines{std::string{table}};
    for (std::string line; std::getline(lines, line);) {
        const auto words = words_of(line);
        if (words.size() < 10 || words[9] != interface) continue;
        const std::string& destination = words[0];
        const bool link_local = destination.starts_with("fe8") || destination.starts_with("fe9") ||
                                destination.starts_with("fea") || destination.starts_with("feb");
        if (!link_local && !destination.starts_with("ff")) return true;
    }
    return false;
}

}  // namespace vmq::vfio
