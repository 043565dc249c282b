// The capability parser against well-made, odd and hostile configuration spaces.
#include "driver/virtio/pci_capabilities.hpp"

#include <array>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <vmq/error.hpp>

#include "driver/virtio/legacy_pci_transport.hpp"

namespace vmq::virtio {
namespace {

// A configuration space that is built capability by capability.
class Config {
public:
    Config() {
        put8(0x06, 0x10);
        sizes[0] = 0x20;
        put8(0x10, 0x01);  // BAR 0 is in I/O space
        sizes[4] = 0x4000;
    }
    // As QEMU's device has it.
    static Config good() {
        Config config;
        config.add(0x40, 1, 4, 0x0000, 0x1000);
        config.add(0x50, 3, 4, 0x1000, 0x1000);
        config.add(0x60, 4, 4, 0x2000, 0x1000);
        config.add_notify(0x70, 4, 0x3000, 0x1000, 4);
        return config;
    }
    void add(std::uint8_t at, std::uint8_t type, std::uint8_t bar, std::uint32_t offset, std::uint32_t length,
             std::uint8_t size = 16) {
        put8(link_, at);
        link_ = static_cast<std::uint8_t>(at + 1);
        put8(at, 0x09);
        put8(at + 2U, size);
        put8(at + 3U, type);
        put8(at + 4U, bar);
        put32(at + 8U, offset);
        put32(at + 12U, length);
    }
    void add_notify(std::uint8_t at, std::uint8_t bar, std::uint32_t offset, std::uint32_t length,
                    std::uint32_t multiplier) {
        add(at, 2, bar, offset, length, 20);
        put32(at + 16U, multiplier);
    }
    void put8(std::size_t at, std::uint8_t value) { bytes.at(at) = std::byte{value}; }
    void put32(std::size_t at, std::uint32_t value) {
        for (unsigned i = 0; i < 4; ++i) put8(at + i, static_cast<std::uint8_t>(value >> (8 * i)));
    }
    [[nodiscard]] std::optional<PciStructures> look() const { return find_structures(bytes, sizes, "0000:00:04.0"); }
    [[nodiscard]] PciStructures find() const { return look().value(); }

    std::array<std::byte, 256> bytes{};
    std::array<std::uint64_t, 6> sizes{};

private:
    std::uint8_t link_ = 0x34;
};

TEST(PciCapabilities, AGoodDevice) {
    const PciStructures found = Config::good().find();
    EXPECT_EQ(found.common, (PciStructure{4, 0x0000, 0x1000}));
    EXPECT_EQ(found.notify, (PciStructure{4, 0x3000, 0x1000}));
    EXPECT_EQ(found.notify_off_multiplier, 4U);
    EXPECT_EQ(found.isr, (PciStructure{4, 0x1000, 0x1000}));
    EXPECT_EQ(found.device, (PciStructure{4, 0x2000, 0x1000}));
}

TEST(PciCapabilities, IsrAndDeviceConfigurationMayBeMissing) {
    Config config;
    config.add_notify(0x40, 4, 0x3000, 2, 0);
    config.add(0x60, 1, 4, 0x10, 56);
    const PciStructures found = config.find();
    EXPECT_EQ(found.common, (PciStructure{4, 0x10, 56}));
    EXPECT_EQ(found.notify_off_multiplier, 0U);
    EXPECT_FALSE(found.isr);
    EXPECT_FALSE(found.device);
}

TEST(PciCapabilities, OthersInTheListAreSteppedOver) {
    Config config;
    config.add(0x40, 1, 4, 0, 0x1000);
    config.put8(0x40, 0x11);  // MSI-X, not vendor-specific
    config.add(0x50, 5, 0, 0, 0);
    config.add(0x60, 0x77, 4, 0xffff'ffff, 0xffff'ffff);
    config.add(0x70, 9, 9, 1, 1);
    config.add(0x80, 1, 4, 0x100, 0x100);
    config.add_notify(0x90, 4, 0x3000, 0x1000, 4);
    EXPECT_EQ(config.find().common, (PciStructure{4, 0x100, 0x100}));
}

TEST(PciCapabilities, TheFirstValidOneWins) {
    Config config;
    config.add_notify(0x40, 0, 0x1f, 2, 0);         // beyond the BAR
    config.add_notify(0x58, 6, 0, 2, 0);            // a BAR of reserved number
    config.add_notify(0x70, 4, 0x2000, 0x1000, 4);  // the one
    config.add_notify(0x88, 4, 0x3000, 0x1000, 8);
    config.add(0xa0, 1, 4, 0x4000, 0x1000);  // beyond the BAR
    config.add(0xb0, 1, 4, 0x0000, 0x1000);
    config.add(0xc0, 1, 4, 0x1000, 0x1000);
    const PciStructures found = config.find();
    EXPECT_EQ(found.notify, (PciStructure{4, 0x2000, 0x1000}));
    EXPECT_EQ(found.notify_off_multiplier, 4U);
    EXPECT_EQ(found.common, (PciStructure{4, 0x0000, 0x1000}));
}

// 4.1.4.1: the device's order is the order of its preference.
TEST(PciCapabilities, NotificationsMayGoToIoSpace) {
    Config config;
    config.add_notify(0x40, 0, 0x10, 2, 0);
    config.add_notify(0x58, 4, 0x2000, 0x1000, 4);
    config.add(0x70, 1, 4, 0x0000, 0x1000);
    const PciStructures found = config.find();
    EXPECT_EQ(found.notify, (PciStructure{0, 0x10, 2, true}));
    EXPECT_EQ(found.notify_off_multiplier, 0U);
    EXPECT_FALSE(found.common.io_space);
}

TEST(PciCapabilities, ADeviceWithoutThemIsALegacyOne) {
    Config no_list = Config::good();
    no_list.put8(0x06, 0);
    EXPECT_FALSE(no_list.look());
    Config empty_list = Config::good();
    empty_list.put8(0x34, 0);
    EXPECT_FALSE(empty_list.look());
    Config only_access = Config::good();
    only_access.put8(0x41, 0);
    only_access.put8(0x43, 5);  // the PCI access capability
    EXPECT_FALSE(only_access.look());
}

TEST(LegacyRegisters, AreInAnIoBarThatIsLargeEnough) {
    Config config;
    EXPECT_TRUE(has_legacy_registers(config.bytes, 24));
    EXPECT_TRUE(has_legacy_registers(config.bytes, 64));
    EXPECT_FALSE(has_legacy_registers(config.bytes, 20));
    EXPECT_FALSE(has_legacy_registers(config.bytes, 0));
    config.put8(0x10, 0x0c);  // in memory space
    EXPECT_FALSE(has_legacy_registers(config.bytes, 64));
}

TEST(PciCapabilities, LongerCapabilitiesAndStructuresAreAccepted) {
    Config config;
    config.sizes[4] = std::uint64_t{1} << 40;
    config.add(0x40, 1, 4, 0xffff'fffc, 0xffff'ffff, 64);
    config.add_notify(0x80, 4, 0x3000, 0x1000, 0x8000'0000);
    EXPECT_EQ(config.find().common, (PciStructure{4, 0xffff'fffc, 0xffff'ffff}));
}

TEST(PciCapabilities, TheLowBitsOfALinkAreIgnored) {
    Config config = Config::good();
    config.put8(0x34, 0x43);
    EXPECT_EQ(config.find().common.bar, 4);
}

TEST(PciCapabilities, AStructureMayEndWhereTheBarEnds) {
    Config config = Config::good();
    config.put32(0x78, 0x3ffe);
    config.put32(0x7c, 2);
    EXPECT_EQ(config.find().notify, (PciStructure{4, 0x3ffe, 2}));
}

struct Case {
    const char* name;
    std::function<void(Config&)> spoil;
    Errc code;
    const char* says;
};

class BadCapabilities : public testing::TestWithParam<Case> {};

TEST_P(BadCapabilities, AreRefusedWithTheReason) {
    Config config = Config::good();
    GetParam().spoil(config);
    try {
        (void)config.find();
        FAIL() << "accepted";
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), make_error_code(GetParam().code)) << error.what();
        EXPECT_NE(std::string{error.what()}.find(GetParam().says), std::string::npos) << error.what();
        EXPECT_NE(std::string{error.what()}.find("0000:00:04.0"), std::string::npos) << error.what();
    }
}

const std::vector<Case> cases{
    {"ALinkIntoTheHeader", [](Config& c) { c.put8(0x51, 0x20); }, Errc::bad_device, "into the header"},
    {"ALoopToItself", [](Config& c) { c.put8(0x41, 0x40); }, Errc::bad_device, "loop"},
    {"ALoopToTheFirst", [](Config& c) { c.put8(0x71, 0x40); }, Errc::bad_device, "loop"},
    {"AllOnes", [](Config& c) { c.bytes.fill(std::byte{0xff}); }, Errc::bad_device, "loop"},
    {"NoCommonStructure", [](Config& c) { c.put8(0x43, 0x66); }, Errc::bad_device, "no common configuration"},
    {"NoNotifyStructure", [](Config& c) { c.put8(0x73, 0x66); }, Errc::bad_device, "no notification"},
    {"AReservedBar", [](Config& c) { c.put8(0x44, 6); }, Errc::bad_device, "reserved number, 6"},
    {"AReservedBarOfAllOnes", [](Config& c) { c.put8(0x44, 0xff); }, Errc::bad_device, "reserved number, 255"},
    {"ABarThatIsNotThere", [](Config& c) { c.put8(0x44, 5); }, Errc::bad_device, "BAR 5, which the device does not"},
    {"ABarInIoSpace",
     [](Config& c) {
         c.put8(0x44, 0);
         c.put32(0x4c, 0x20);
     },
     Errc::bad_device, "BAR 0, which is in I/O space"},
    {"BeyondTheBar", [](Config& c) { c.put32(0x48, 0x3004); }, Errc::bad_device, "beyond the end of BAR 4"},
    {"OffsetAndLengthOverflow", [](Config& c) { c.put32(0x48, 0xffff'f000); }, Errc::bad_device,
     "beyond the end of BAR 4"},
    {"AHugeLength", [](Config& c) { c.put32(0x4c, 0xffff'ffff); }, Errc::bad_device, "beyond the end of BAR 4"},
    {"CommonTooShort", [](Config& c) { c.put32(0x4c, 55); }, Errc::bad_device, "too short, 55"},
    {"NotifyTooShort", [](Config& c) { c.put32(0x7c, 1); }, Errc::bad_device, "too short, 1"},
    {"CommonMisaligned", [](Config& c) { c.put32(0x48, 2); }, Errc::bad_device, "misaligned, at 2"},
    {"NotifyMisaligned", [](Config& c) { c.put32(0x78, 0x2fff); }, Errc::bad_device, "misaligned, at 12287"},
    {"MultiplierOne", [](Config& c) { c.put32(0x80, 1); }, Errc::bad_device, "multiplier"},
    {"MultiplierSix", [](Config& c) { c.put32(0x80, 6); }, Errc::bad_device, "multiplier"},
    {"ACapabilityTooShort", [](Config& c) { c.put8(0x42, 15); }, Errc::bad_device, "cut off"},
    {"ANotifyCapabilityWithoutMultiplier", [](Config& c) { c.put8(0x72, 16); }, Errc::bad_device, "cut off"},
    {"ACapabilityAcrossTheEnd",
     [](Config& c) {
         c.put8(0x61, 0xf0);  // in place of the notification structure
         c.put8(0xf0, 0x09);
         c.put8(0xf2, 20);
         c.put8(0xf3, 2);
     },
     Errc::bad_device, "cut off"},
    {"ACapabilityAtTheLastFourBytes",
     [](Config& c) {
         c.put8(0x34, 0xfc);
         c.put8(0xfc, 0x09);
         c.put8(0xfe, 16);
         c.put8(0xff, 1);
     },
     Errc::bad_device, "cut off"},
};

INSTANTIATE_TEST_SUITE_P(Table, BadCapabilities, testing::ValuesIn(cases),
                         [](const auto& test) { return std::string{test.param.name}; });

TEST(PciCapabilities, AShortConfigurationSpace) {
    const Config config = Config::good();
    EXPECT_THROW((void)find_structures(std::span{config.bytes}.first(255), config.sizes, "x"), std::system_error);
}

// Any bytes give either structures inside their BARs or an error, and the walk ends.
TEST(PciCapabilities, RandomBytes) {
    std::uint32_t random = 1;
    const auto next = [&random] { return random = random * 1664525U + 1013904223U, random >> 16; };
    unsigned accepted = 0;
    for (int run = 0; run < 20'000; ++run) {
        Config config = Config::good();
        for (auto n = next() % 6; n > 0; --n) config.put8(0x34 + next() % 0x50, static_cast<std::uint8_t>(next()));
        try {
            const auto structures = config.look();
            if (!structures) continue;
            const PciStructures found = *structures;
            ++accepted;
            ASSERT_LE(std::uint64_t{found.common.offset} + found.common.length, config.sizes.at(found.common.bar));
            ASSERT_LE(std::uint64_t{found.notify.offset} + found.notify.length, config.sizes.at(found.notify.bar));
            ASSERT_GE(found.common.length, 56U);
        } catch (const std::system_error&) {
        }
    }
    EXPECT_GT(accepted, 1000U);
    EXPECT_LT(accepted, 19'000U);
}

}  // namespace
}  // namespace vmq::virtio
