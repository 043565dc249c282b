// The split ring against a device that breaks the rules: one fault, nothing taken twice, no memory touched.
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "driver/virtio/split_ring.hpp"
#include "tests/unit/virtio/ring_device.hpp"

namespace vmq::virtio {
namespace {

class SplitRingFaultTest : public testing::TestWithParam<unsigned> {
protected:
    // Four buffers are outstanding, good_ is one of them and spare_ is free.
    void SetUp() override {
        for (int i = 0; i < 5; ++i) spare_ = std::exchange(good_, ring_.add_writable({Iova{0x1000}, 64}));
        (void)ring_.publish();
        device_.use_one(spare_, 0);
        ASSERT_EQ(pair_.take_all().size(), 1U);
        ASSERT_EQ(ring_.outstanding(), 4);
    }
    // The good buffer comes back, the fault is set, and from then on nothing is taken.
    void expect_fault_after_good_one(RingFault fault) {
        const auto used = pair_.take_all();
        ASSERT_EQ(used.size(), 1U);
        EXPECT_EQ(used[0].id, good_);
        expect_broken(fault);
        EXPECT_EQ(ring_.outstanding(), 3);
        EXPECT_EQ(ring_.free_descriptors(), 13);
    }
    void expect_broken(RingFault fault) {
        EXPECT_EQ(ring_.fault(), fault);
        EXPECT_TRUE(pair_.take_all().empty());
        EXPECT_EQ(ring_.fault(), fault);
        EXPECT_FALSE(ring_.has_used());
    }

    RingPair pair_{16, true, static_cast<std::uint16_t>(GetParam())};
    SplitRing& ring_ = pair_.ring;
    RingDevice& device_ = pair_.device;
    std::uint16_t good_ = 0;
    std::uint16_t spare_ = 0;
};

TEST_P(SplitRingFaultTest, IdsOutOfRange) {
    for (const std::uint32_t id : {16U, 17U, 0x7fffU, 0xffffU, 0x8000'0000U, 0xffff'ffffU}) {
        RingPair pair{16, true, static_cast<std::uint16_t>(GetParam())};
        const std::uint16_t good = pair.ring.add_writable({Iova{0x1000}, 64});
        pair.ring.add_writable({Iova{0x1000}, 64});
        (void)pair.ring.publish();
        pair.device.use(good, 0);
        pair.device.use_one(id, 0);
        EXPECT_EQ(pair.take_all().size(), 1U) << id;
        EXPECT_EQ(pair.ring.fault(), RingFault::id_out_of_range) << id;
    }
}

TEST_P(SplitRingFaultTest, AGoodIdWithHighBitsSet) {
    device_.use(good_, 0);
    device_.use_one(0x10000U | spare_, 0);
    expect_fault_after_good_one(RingFault::id_out_of_range);
}

TEST_P(SplitRingFaultTest, AnIdThatIsFree) {
    device_.use(good_, 0);
    device_.use_one(spare_, 0);
    expect_fault_after_good_one(RingFault::id_not_outstanding);
}

TEST_P(SplitRingFaultTest, AnIdTwiceInABurst) {
    device_.use(good_, 0);
    device_.use_one(good_, 0);
    expect_fault_after_good_one(RingFault::id_not_outstanding);
}

TEST_P(SplitRingFaultTest, AnIdTwiceInTwoBursts) {
    device_.use_one(good_, 0);
    EXPECT_EQ(pair_.take_all().size(), 1U);
    EXPECT_EQ(ring_.fault(), RingFault::none);
    device_.use_one(good_, 0);
    EXPECT_TRUE(pair_.take_all().empty());
    expect_broken(RingFault::id_not_outstanding);
    EXPECT_EQ(ring_.free_descriptors(), 13);
}

TEST_P(SplitRingFaultTest, AnIdThatIsOnlyStaged) {
    const std::uint16_t staged = ring_.add_writable({Iova{0x1000}, 64});
    device_.use(good_, 0);
    device_.use_one(staged, 0);
    const auto used = pair_.take_all();
    ASSERT_EQ(used.size(), 1U);
    EXPECT_EQ(used[0].id, good_);
    expect_broken(RingFault::id_not_outstanding);
}

TEST_P(SplitRingFaultTest, ADescriptorInsideAChain) {
    const std::array three{Segment{Iova{0x1000}, 1}, Segment{Iova{0x2000}, 1}, Segment{Iova{0x3000}, 1}};
    const std::uint16_t head = ring_.add_chain(three, {});
    (void)ring_.publish();
    device_.use(good_, 0);
    device_.use_one(device_.descriptor(head).next.value(), 0);
    const auto used = pair_.take_all();
    ASSERT_EQ(used.size(), 1U);
    expect_broken(RingFault::id_not_outstanding);
}

TEST_P(SplitRingFaultTest, AnIndexAheadOfWhatWasOffered) {
    for (int i = 0; i < 5; ++i) device_.use(good_, 0);
    device_.publish();
    EXPECT_TRUE(ring_.has_used());
    EXPECT_TRUE(pair_.take_all().empty());
    expect_broken(RingFault::index_jump);
    EXPECT_EQ(ring_.outstanding(), 4);
}

TEST_P(SplitRingFaultTest, AnIndexAheadByWhatIsOnlyStaged) {
    ring_.add_writable({Iova{0x1000}, 64});
    for (int i = 0; i < 5; ++i) device_.use(good_, 0);
    device_.publish();
    EXPECT_TRUE(pair_.take_all().empty());
    expect_broken(RingFault::index_jump);
}

TEST_P(SplitRingFaultTest, AnIndexThatJumpsAnywhere) {
    for (const unsigned jump : {5U, 16U, 17U, 0x7fffU, 0x8000U, 0xfffeU, 0xffffU}) {
        RingPair pair{16, true, static_cast<std::uint16_t>(GetParam())};
        for (int i = 0; i < 4; ++i) pair.ring.add_writable({Iova{0x1000}, 64});
        (void)pair.ring.publish();
        pair.device.set_used_idx(static_cast<std::uint16_t>(GetParam() + jump));
        EXPECT_TRUE(pair.take_all().empty()) << jump;
        EXPECT_EQ(pair.ring.fault(), RingFault::index_jump) << jump;
    }
}

TEST_P(SplitRingFaultTest, AnIndexThatGoesBack) {
    device_.use_one(good_, 0);
    EXPECT_EQ(pair_.take_all().size(), 1U);
    device_.set_used_idx(static_cast<std::uint16_t>(device_.used_idx() - 1));
    EXPECT_TRUE(pair_.take_all().empty());
    expect_broken(RingFault::index_jump);
}

TEST_P(SplitRingFaultTest, AUsedBufferBeforeAnythingWasOffered) {
    RingPair pair{16, false, static_cast<std::uint16_t>(GetParam())};
    pair.device.use_one(0, 0);
    EXPECT_TRUE(pair.take_all().empty());
    EXPECT_EQ(pair.ring.fault(), RingFault::index_jump);
}

TEST_P(SplitRingFaultTest, ARingOfAllDescriptorsIsNoJump) {
    while (ring_.free_descriptors() > 0) ring_.add_writable({Iova{0x1000}, 64});
    (void)ring_.publish();
    for (std::uint16_t id = 0; id < 16; ++id) device_.use(id, 0);
    device_.publish();
    EXPECT_EQ(pair_.take_all().size(), 16U);
    EXPECT_EQ(ring_.fault(), RingFault::none);
}

// Whatever a device writes, the ring returns only ids that were offered, each once, and never loses count.
TEST_P(SplitRingFaultTest, RandomUsedElementsNeverBreakTheCount) {
    std::uint32_t random = 12345 + GetParam();
    const auto next = [&random] { return random = random * 1664525U + 1013904223U, random >> 8; };
    for (int run = 0; run < 300; ++run) {
        RingPair pair{16, (run & 1) != 0, static_cast<std::uint16_t>(GetParam())};
        std::vector<bool> offered(16, false);
        while (pair.ring.fault() == RingFault::none) {
            for (auto n = next() % 8; n > 0 && pair.ring.free_descriptors() > 0; --n)
                offered[pair.ring.add_writable({Iova{0x1000}, 64})] = true;
            (void)pair.ring.publish();
            for (auto n = next() % 4; n > 0; --n) pair.device.use(next() % (run % 3 == 0 ? 17 : 16), next());
            pair.device.publish();
            for (const Used& used : pair.take_all()) {
                ASSERT_LT(used.id, 16);
                ASSERT_TRUE(offered[used.id]);
                offered[used.id] = false;
            }
            ASSERT_EQ(pair.ring.outstanding() + pair.ring.free_descriptors(), 16);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Starts, SplitRingFaultTest, testing::Values(0U, 0xfff0U, 0xfffcU),
                         [](const auto& test) { return "From" + std::to_string(test.param); });

}  // namespace
}  // namespace vmq::virtio
