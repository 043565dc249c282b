// Shared memory: few regions, the same addresses on both sides, and files that nobody can shrink.
#include "driver/vhost/memory.hpp"

#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/unit/vhost/errors.hpp"

namespace vmq::vhost {
namespace {

constexpr std::size_t huge = std::size_t{2} << 20;

TEST(SharedMemory, TheFirstRegionHoldsTheAnnouncedNeed) {
    SharedMemory memory{"x", HugePages::never};
    memory.expect(std::array<support::MemoryNeed, 3>{{{huge}, {huge}, {huge}}});
    const auto first = memory.allocate(huge, -1, 8);
    const auto second = memory.allocate(huge, 0, 8);
    const auto third = memory.allocate(huge, -1, 8);
    EXPECT_EQ(memory.region_count(), 1u);
    EXPECT_EQ(memory.regions().front().region.size, 3 * huge);
    const auto fourth = memory.allocate(1, -1, 8);
    EXPECT_EQ(memory.region_count(), 2u);
    EXPECT_EQ(memory.regions().back().region.size, 3 * huge);  // as much again
    EXPECT_EQ(fourth.size, 4096u);
}

TEST(SharedMemory, IoAddressesAreAddresses) {
    SharedMemory memory{"x", HugePages::never};
    for (const std::size_t size : {std::size_t{1}, std::size_t{5000}, 5 * huge}) {
        const auto block = memory.allocate(size, -1, 8);
        EXPECT_EQ(block.iova.value, reinterpret_cast<std::uintptr_t>(block.data));
        EXPECT_EQ(block.iova.value % 4096, 0u);
        EXPECT_GE(block.size, size);
        for (const std::byte byte : block.bytes().first(size)) ASSERT_EQ(byte, std::byte{0});
    }
    for (const SharedRegion& region : memory.regions())
        EXPECT_EQ(region.region.guest_address, region.region.user_address);
}

TEST(SharedMemory, TheBackendSeesTheSameBytesAndCannotTakeThemAway) {
    SharedMemory memory{"x", HugePages::never};
    const auto block = memory.allocate(4096, -1, 8);
    block.data[7] = std::byte{42};
    const SharedRegion region = memory.regions().front();
    char byte = 0;
    ASSERT_EQ(::pread(region.fd, &byte, 1, 7), 1);
    EXPECT_EQ(byte, 42);
    EXPECT_NE(::ftruncate(region.fd, 0), 0);
}

TEST(SharedMemory, StaysUntilTheLastOwnerLetsGo) {
    virtio::DmaBlock block;
    {
        SharedMemory memory{"x", HugePages::never};
        block = memory.allocate(4096, -1, 8);
    }
    block.data[0] = std::byte{1};
    EXPECT_EQ(block.data[0], std::byte{1});
}

TEST(SharedMemory, NoMoreRegionsThanTheBackendTakes) {
    SharedMemory memory{"x", HugePages::never};
    static_cast<void>(memory.allocate(huge, -1, 1));
    const Caught error = caught([&] { static_cast<void>(memory.allocate(huge, -1, 1)); });
    EXPECT_EQ(error.code, std::errc::no_space_on_device);
    EXPECT_TRUE(error.says("the backend takes 1 memory regions")) << error.text;
    static_cast<void>(memory.allocate(huge, -1, 2));
    memory.forget_last_region();
    EXPECT_EQ(memory.region_count(), 1u);
}

TEST(SharedMemory, RequiredHugePagesAreThereOrTheCureIsNamed) {
    SharedMemory memory{"x", HugePages::required};
    try {
        EXPECT_TRUE(memory.allocate(huge, -1, 8).huge_pages);
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::not_enough_memory);
        EXPECT_NE(std::string{error.what()}.find("huge pages required (needs 1 free ones"), std::string::npos)
            << error.what();
    }
}

TEST(SharedMemory, SizesThatMakeNoSense) {
    SharedMemory memory{"x", HugePages::never};
    EXPECT_EQ(caught([&] { static_cast<void>(memory.allocate(0, -1, 8)); }).code, std::errc::invalid_argument);
    EXPECT_EQ(caught([&] { static_cast<void>(memory.allocate(SIZE_MAX, -1, 8)); }).code, std::errc::invalid_argument);
}

}  // namespace
}  // namespace vmq::vhost
