// The software device's view of memory.
#include "tests/device/memory.hpp"

#include <cstring>
#include <new>

#include <gtest/gtest.h>

namespace vmq::software {
namespace {

TEST(DeviceMemory, IsZeroedAndAtAnotherAddress) {
    Violations violations;
    Memory memory{violations};
    const auto block = memory.allocate(100, -1);
    EXPECT_NE(block.iova.value, reinterpret_cast<std::uintptr_t>(block.data));
    EXPECT_EQ(block.iova.value % 4096, 0u);
    EXPECT_LT(block.iova.value, std::uint64_t{1} << 39);
    for (const std::byte byte : block.bytes()) ASSERT_EQ(byte, std::byte{0});
}

TEST(DeviceMemory, TranslatesInsideABlock) {
    Violations violations;
    Memory memory{violations};
    const auto first = memory.allocate(4096, -1);
    const auto second = memory.allocate(8192, -1);
    EXPECT_EQ(memory.at(first.iova + 10, 20, "x").data(), first.data + 10);
    EXPECT_EQ(memory.at(second.iova + 8191, 1, "x").data(), second.data + 8191);
    EXPECT_TRUE(violations.texts().empty());
}

TEST(DeviceMemory, ReportsAccessOutside) {
    Violations violations;
    Memory memory{violations};
    const auto block = memory.allocate(4096, -1);
    EXPECT_TRUE(memory.at(block.iova + 4090, 7, "over the end").empty());
    EXPECT_TRUE(memory.at({0}, 1, "null").empty());
    EXPECT_TRUE(memory.at({block.iova.value - 1}, 1, "before").empty());
    EXPECT_TRUE(memory.at({~std::uint64_t{0}}, 16, "wrapping").empty());
    EXPECT_TRUE(memory.at({reinterpret_cast<std::uintptr_t>(block.data)}, 1, "the driver's address").empty());
    ASSERT_EQ(violations.texts().size(), 5u);
    EXPECT_EQ(violations.texts()[0].find("over the end: 7 bytes at 0x"), 0u);
}

TEST(DeviceMemory, ReportsUseAfterRelease) {
    Violations violations;
    Memory memory{violations};
    auto block = memory.allocate(4096, -1);
    const auto iova = block.iova;
    EXPECT_EQ(memory.live_blocks(), 1u);
    block = {};
    EXPECT_EQ(memory.live_blocks(), 0u);
    EXPECT_TRUE(violations.texts().empty());
    EXPECT_TRUE(memory.at(iova, 1, "late").empty());
    EXPECT_EQ(violations.texts().size(), 1u);
}

TEST(DeviceMemory, ReportsReleaseWhileTheDeviceRuns) {
    Violations violations;
    Memory memory{violations};
    auto block = memory.allocate(4096, -1);
    memory.set_in_use(true);
    block = {};
    EXPECT_EQ(violations.texts().size(), 1u);
}

TEST(DeviceMemory, FailsOnRequest) {
    Violations violations;
    Memory memory{violations};
    memory.fail_after(1);
    const auto block = memory.allocate(1, -1);
    EXPECT_THROW(static_cast<void>(memory.allocate(1, -1)), std::bad_alloc);
}

}  // namespace
}  // namespace vmq::software
