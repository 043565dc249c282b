// Memory binding; how it acts with several nodes depends on the machine.
#include "affinity/memory.hpp"

#include <cstdint>
#include <linux/mempolicy.h>
#include <set>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

#include <gtest/gtest.h>

#include "affinity/topology.hpp"

namespace vmq::affinity {
namespace {

constexpr std::size_t length = 1 << 20;

class Memory : public testing::Test {
protected:
    void SetUp() override {
        void* const address = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ASSERT_NE(address, MAP_FAILED);
        bytes_ = {static_cast<std::byte*>(address), length};
    }
    void TearDown() override { ::munmap(bytes_.data(), bytes_.size()); }

    [[nodiscard]] int node_of_first_page() const {
        int node = -1;
        return ::syscall(SYS_get_mempolicy, &node, nullptr, 0UL, bytes_.data(), MPOL_F_NODE | MPOL_F_ADDR) == 0 ? node
                                                                                                                : -1;
    }

    std::span<std::byte> bytes_;
};

TEST_F(Memory, UnknownNodeOrNoMemoryIsNothingToDo) {
    EXPECT_FALSE(bind_memory(bytes_, unknown_node));
    EXPECT_FALSE(bind_memory({}, 0));
}

TEST_F(Memory, ANodeThatDoesNotExistIsNamed) {
    try {
        bind_memory(bytes_, 4242);
        FAIL() << "accepted";
    } catch (const std::system_error& error) {
        EXPECT_NE(std::string(error.what()).find("NUMA node 4242"), std::string::npos) << error.what();
    }
}

TEST_F(Memory, PagesComeFromTheNodeThatWasAskedFor) {
    std::set<int> nodes;
    for (const Pu& pu : load_topology().pus)
        if (pu.allowed && pu.numa_node >= 0) nodes.insert(pu.numa_node);
    if (nodes.empty()) GTEST_SKIP() << "this machine shows no NUMA node";
    EXPECT_EQ(bind_memory(bytes_, *nodes.rbegin()), nodes.size() > 1);
    bytes_[0] = std::byte{1};
    EXPECT_EQ(node_of_first_page(), *nodes.rbegin());
}

}  // namespace
}  // namespace vmq::affinity
