// Text forms of what include/vmq/info.hpp describes.
#include <array>
#include <cstdio>

#include <vmq/info.hpp>

namespace vmq {

std::string to_string(const MacAddress& mac) {
    std::array<char, 18> text{};
    std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                  mac[5]);
    return text.data();
}

}  // namespace vmq
