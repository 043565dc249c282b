// Physical addresses: what pagemap says, and finding pages that follow each other.
#include "driver/vfio/page_frames.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "driver/support/mapping.hpp"
#include "tests/unit/vfio/fake_system.hpp"

namespace vmq::vfio {

namespace {

constexpr std::size_t page = 4096;
using Runs = std::vector<PageRun>;

support::Mapping some_pages(std::size_t count) {
    void* const address = ::mmap(nullptr, count * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return {address, count * page};
}

// A sparse file with one word in it.
void write_word(const std::filesystem::path& file, std::uint64_t index, std::uint64_t word) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream{file, std::ios::app};
    std::fstream stream{file, std::ios::in | std::ios::out | std::ios::binary};
    stream.seekp(static_cast<std::streamoff>(index * sizeof word));
    stream.write(reinterpret_cast<const char*>(&word), sizeof word);
}

constexpr std::uint64_t present = std::uint64_t{1} << 63;

}  // namespace

TEST(PageFrames, FindsTheShortestRunThatSuffices) {
    //                                    0    1     2     3     4     5     6
    const std::vector<std::uint64_t> pages{900, 100, 300, 101, 102, 301, 500};
    EXPECT_EQ(find_runs(pages, 1, {2}), (Runs{{2, 5}}));
    EXPECT_EQ(find_runs(pages, 1, {3}), (Runs{{1, 3, 4}}));
    EXPECT_EQ(find_runs(pages, 1, {1}), (Runs{{6}})) << "the lowest of those that stand alone";
    EXPECT_TRUE(find_runs(pages, 1, {4}).empty());
    EXPECT_TRUE(find_runs({}, 1, {1}).empty());
}

TEST(PageFrames, TheOrderOfARunIsThePhysicalOne) {
    const std::vector<std::uint64_t> pages{3 * page, 2 * page, page};
    EXPECT_EQ(find_runs(pages, page, {3 * page}), (Runs{{2, 1, 0}}));
    EXPECT_EQ(find_runs(pages, page, {2 * page}), (Runs{{2, 1}})) << "of a longer run, its beginning";
}

TEST(PageFrames, BlocksAreInOneRunWhereThereIsOne) {
    const std::vector<std::uint64_t> pages{7 * page, page, 2 * page, 8 * page, 9 * page};
    EXPECT_EQ(find_runs(pages, page, {.size = page / 2, .count = 4}), (Runs{{1, 2}}));
    EXPECT_EQ(find_runs(pages, page, {.size = page / 2, .count = 5}), (Runs{{0, 3, 4}}));
}

TEST(PageFrames, BlocksMayLieApartEachWholeInARun) {
    const std::vector<std::uint64_t> pages{7 * page, page, 2 * page, 8 * page, 9 * page, 20 * page};
    EXPECT_EQ(find_runs(pages, page, {.size = page, .count = 4}), (Runs{{0, 3, 4}, {5}}))
        << "the rest where it just fits";
    EXPECT_EQ(find_runs(pages, page, {.size = page, .count = 6}), (Runs{{0, 3, 4}, {1, 2}, {5}}));
    // Two thirds of a page: four in three pages, three in two, one in one.
    EXPECT_EQ(find_runs(pages, page, {.size = 2700, .count = 8}), (Runs{{0, 3, 4}, {1, 2}, {5}}));
    EXPECT_TRUE(find_runs(pages, page, {.size = 2700, .count = 9}).empty())
        << "though six pages have the bytes of nine";
    EXPECT_EQ(find_runs(pages, page, {.size = 2 * page, .count = 2}), (Runs{{0, 3}, {1, 2}}));
    EXPECT_TRUE(find_runs(pages, page, {.size = 2 * page, .count = 3}).empty());
}

TEST(PageFrames, ContiguousMeansEachRightBehindTheOneBefore) {
    EXPECT_TRUE(contiguous(std::vector<std::uint64_t>{}, page));
    EXPECT_TRUE(contiguous(std::vector<std::uint64_t>{page, 2 * page, 3 * page}, page));
    EXPECT_FALSE(contiguous(std::vector<std::uint64_t>{page, 3 * page}, page));
    EXPECT_FALSE(contiguous(std::vector<std::uint64_t>{2 * page, page}, page));
}

TEST(PageFrames, ReadsTheFramesOfPresentPages) {
    const FakeSystem system;
    const auto memory = some_pages(2);
    const auto first = reinterpret_cast<std::uintptr_t>(memory.data()) / page;
    write_word(system.roots().proc / "self/pagemap", first, present | 0x1234);
    write_word(system.roots().proc / "self/pagemap", first + 1, present | std::uint64_t{1} << 56 | 0x99);
    EXPECT_EQ(physical_addresses(system.roots(), "nic", memory.bytes(), page),
              (std::vector<std::uint64_t>{0x1234000, 0x99000}));
}

TEST(PageFrames, HiddenOrAbsentPagesAreErrorsWithTheCure) {
    const FakeSystem system;
    const auto memory = some_pages(1);
    const auto first = reinterpret_cast<std::uintptr_t>(memory.data()) / page;
    const auto failure = [&] {
        try {
            static_cast<void>(physical_addresses(system.roots(), "nic", memory.bytes(), page));
        } catch (const std::system_error& error) {
            return error;
        }
        return std::system_error{std::error_code{}, "no failure"};
    };
    EXPECT_EQ(failure().code(), std::errc::no_such_file_or_directory);
    write_word(system.roots().proc / "self/pagemap", first, 0);
    EXPECT_EQ(failure().code(), std::errc::not_enough_memory);
    write_word(system.roots().proc / "self/pagemap", first, present);
    EXPECT_EQ(failure().code(), std::errc::operation_not_permitted);
    EXPECT_NE(std::string{failure().what()}.find("CAP_SYS_ADMIN"), std::string::npos);
}

TEST(PageFrames, HugePagesAreTheOnesWithTheFlag) {
    const FakeSystem system;
    const std::vector<std::uint64_t> addresses{5 * page, 6 * page};
    EXPECT_FALSE(in_huge_pages(system.roots(), addresses)) << "no kpageflags";
    write_word(system.roots().proc / "kpageflags", 5, std::uint64_t{1} << 17);
    write_word(system.roots().proc / "kpageflags", 6, ~(std::uint64_t{1} << 17));
    EXPECT_FALSE(in_huge_pages(system.roots(), addresses));
    write_word(system.roots().proc / "kpageflags", 6, std::uint64_t{1} << 17);
    EXPECT_TRUE(in_huge_pages(system.roots(), addresses));
}

}  // namespace vmq::vfio
