// PCI addresses as people write them and as sysfs spells them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vmq::vfio {

// "0000:00:04.0" and "00:04.0", in any case, become "0000:00:04.0"; std::nullopt for anything else.
[[nodiscard]] std::optional<std::string> parse_pci_address(std::string_view text);

}  // namespace vmq::vfio
