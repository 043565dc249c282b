// PCI addresses: the two spellings, and what is none.
#include "driver/vfio/pci_address.hpp"

#include <gtest/gtest.h>

namespace vmq::vfio {

TEST(PciAddress, ShortAndLongSpellingsMeanTheSame) {
    EXPECT_EQ(parse_pci_address("0000:00:04.0"), "0000:00:04.0");
    EXPECT_EQ(parse_pci_address("00:04.0"), "0000:00:04.0");
    EXPECT_EQ(parse_pci_address("AF:1F.7"), "0000:af:1f.7");
    EXPECT_EQ(parse_pci_address("0001:af:1f.7"), "0001:af:1f.7");
    EXPECT_EQ(parse_pci_address("10000:e1:00.0"), "10000:e1:00.0");  // a domain that VMD or Hyper-V made up
}

TEST(PciAddress, AnythingElseIsNone) {
    for (const auto* text : {"", "eth0", "00:04", "00:04.8", "00:20.0", "0:04.0", "00:4.0", "00:04.0 ", " 00:04.0",
                             "00:04.00", "000:00:04.0", "0000:00:04:0", "0000:00:0g.0", "0000-00:04.0",
                             "123456789:00:04.0", "x000:00:04.0", ":00:04.0", "../00:04.0"})
        EXPECT_EQ(parse_pci_address(text), std::nullopt) << '"' << text << '"';
}

}  // namespace vmq::vfio
