// How long the device may hold interrupts back: for all virtqueues and for single ones.
#include "tests/unit/net/settings_fixture.hpp"

namespace vmq {
namespace {

using virtio::Feature;

class NetCoalescing : public NetSettings {
protected:
    CoalescingLimit told(std::uint16_t queue) { return device->settings().coalescing[queue]; }
};

TEST_F(NetCoalescing, NothingIsHeldBackFromOpenOn) {
    open(with_all());
    EXPECT_TRUE(device->settings().coalescing.empty());
    const CoalescingInfo info = vmq->coalescing();
    EXPECT_EQ(info.all, Coalescing{});
    EXPECT_EQ(info.pairs, std::vector<Coalescing>(4));
}

TEST_F(NetCoalescing, IsSetForAllVirtqueues) {
    open(with_all());
    vmq->set_coalescing({.receive = {.usecs = 50, .packets = 16}, .transmit = {.usecs = 0xffffffff, .packets = 1}});
    for (std::uint16_t pair = 0; pair < 4; ++pair) {
        EXPECT_EQ(told(static_cast<std::uint16_t>(2 * pair)), (CoalescingLimit{50, 16}));
        EXPECT_EQ(told(static_cast<std::uint16_t>(2 * pair + 1)), (CoalescingLimit{0xffffffff, 1}));
    }
    EXPECT_EQ(vmq->coalescing().all.receive.usecs, 50u);
    EXPECT_EQ(vmq->coalescing().pairs[3].transmit.usecs, 0xffffffff);
}

TEST_F(NetCoalescing, WhatWasSetLastCounts) {
    open(with_all());
    vmq->set_coalescing(2, {{1, 2}, {3, 4}});
    EXPECT_EQ(told(4), (CoalescingLimit{1, 2}));
    EXPECT_EQ(told(5), (CoalescingLimit{3, 4}));
    EXPECT_EQ(told(0), CoalescingLimit{});
    EXPECT_EQ(vmq->coalescing().pairs[2], (Coalescing{{1, 2}, {3, 4}}));
    EXPECT_EQ(vmq->coalescing().pairs[0], Coalescing{});
    vmq->set_coalescing({{5, 6}, {7, 8}});
    EXPECT_EQ(told(4), (CoalescingLimit{5, 6}));
    EXPECT_EQ(vmq->coalescing().pairs[2], (Coalescing{{5, 6}, {7, 8}}));
    vmq->set_coalescing(0, {{9, 9}, {9, 9}});
    EXPECT_EQ(vmq->coalescing().all, (Coalescing{{5, 6}, {7, 8}}));
    EXPECT_EQ(told(1), (CoalescingLimit{9, 9}));
}

TEST_F(NetCoalescing, OfAPairThatIsNotThere) {
    open(with_all());
    std::string what;
    EXPECT_EQ(error_of([&] { vmq->set_coalescing(4, {}); }, &what), make_error_code(Errc::out_of_range));
    EXPECT_NE(what.find("pairs 0 to 3"), std::string::npos) << what;
}

TEST_F(NetCoalescing, EitherFeatureShowsWhatIsInForce) {
    open(without(with_all(), Feature::notf_coal));
    vmq->set_coalescing(1, {{1, 2}, {3, 4}});
    EXPECT_EQ(vmq->coalescing().pairs[1], (Coalescing{{1, 2}, {3, 4}}));
    open(without(with_all(), Feature::vq_notf_coal));
    vmq->set_coalescing({{1, 2}, {3, 4}});
    EXPECT_EQ(vmq->coalescing().pairs[1], (Coalescing{{1, 2}, {3, 4}}));
}

}  // namespace
}  // namespace vmq
