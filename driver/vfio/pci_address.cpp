// PCI addresses as people write them and as sysfs spells them.
#include "driver/vfio/pci_address.hpp"

#include <algorithm>

namespace vmq::vfio {

namespace {

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// `shape` has an 'x' for each hexadecimal digit; its other characters stand for themselves.
bool matches(std::string_view text, std::string_view shape) {
    return std::equal(text.begin(), text.end(), shape.begin(), shape.end(),
                      [](char c, char expected) { return expected == 'x' ? is_hex(c) : c == expected; });
}

}  // namespace

std::optional<std::string> parse_pci_address(std::string_view text) {
    std::string address{text};
    for (char& c : address)
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    if (matches(address, "xx:xx.x")) address.insert(0, "0000:");

    // A domain has four digits, or up to eight where firmware or a hypervisor gives out large ones.
    const auto colon = std::min(address.find(':'), address.size());
    if (colon < 4 || colon > 8 || !std::all_of(address.begin(), address.begin() + static_cast<long>(colon), is_hex))
        return std::nullopt;
    if (!matches(std::string_view{address}.substr(colon), ":xx:xx.x")) return std::nullopt;
    // 5 bits of device and 3 of function.
    const char device_high = address[colon + 4];
    const char function = address.back();
    if (device_high > '1' || function > '7') return std::nullopt;
    return address;
}

}  // namespace vmq::vfio
