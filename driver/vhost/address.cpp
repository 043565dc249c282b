// The address of a vhost-user device.
#include "driver/vhost/address.hpp"

#include <charconv>
#include <filesystem>

namespace vmq::vhost {

namespace {

// Takes the last word behind a comma off the text when it is one that means something; false: it is part of the path.
bool take_word(std::string_view& text, Address& address) {
    constexpr std::string_view queues = "queues=";
    const std::size_t comma = text.rfind(',');
    if (comma == std::string_view::npos) return false;
    const std::string_view word = text.substr(comma + 1);
    if (word == "server") {
        address.server = true;
    } else if (word.starts_with(queues)) {
        const char* const end = word.data() + word.size();
        unsigned number = 0;
        const auto [rest, error] = std::from_chars(word.data() + queues.size(), end, number);
        if (error != std::errc{} || rest != end || number == 0) return false;
        address.queues = number;
    } else {
        return false;
    }
    text = text.substr(0, comma);
    return true;
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
    constexpr std::string_view prefix = "vhost-user:";
    if (!text.starts_with(prefix)) return std::nullopt;
    text.remove_prefix(prefix.size());
    Address address;
    while (take_word(text, address)) {
    }
    // An empty path stays empty, for whoever opens it to refuse.
    if (!text.empty()) address.path = std::filesystem::absolute(text).lexically_normal();
    return address;
}

}  // namespace vmq::vhost
