// Which vector serves what, for every number of vectors a device may have.
#include "driver/net/vector_plan.hpp"

#include <set>

#include <gtest/gtest.h>

namespace vmq::net {
namespace {

TEST(NetVectorPlan, TakesTheHighestRungThatFits) {
    const struct {
        unsigned pairs, available, used;
        WaitMode mode;
        const char* sharing;
    } cases[] = {
        {4, 100, 10, WaitMode::own_vectors, "per queue"},
        {4, 10, 10, WaitMode::own_vectors, "per queue"},
        {4, 9, 6, WaitMode::own_vector, "per pair"},
        {4, 6, 6, WaitMode::own_vector, "per pair"},
        {4, 5, 2, WaitMode::shared, "shared"},
        {4, 2, 2, WaitMode::shared, "shared"},
        {4, 1, 1, WaitMode::shared, "shared"},
        {4, 0, 0, WaitMode::polling, "polling"},
        {1, 4, 4, WaitMode::own_vectors, "per queue"},
        {1, 3, 3, WaitMode::own_vector, "per pair"},
        {1, 2, 2, WaitMode::shared, "shared"},
        {256, 514, 514, WaitMode::own_vectors, "per queue"},
    };
    for (const auto& rung : cases) {
        const VectorPlan plan = plan_vectors(rung.pairs, rung.available);
        EXPECT_EQ(plan.count, rung.used) << rung.pairs << " pairs, " << rung.available << " vectors";
        EXPECT_EQ(plan.mode, rung.mode);
        EXPECT_EQ(plan.sharing(), rung.sharing);
        EXPECT_EQ(plan.pairs.size(), rung.pairs);
    }
}

TEST(NetVectorPlan, EveryVectorHasAnOwnerAndNoneIsBeyondThePlan) {
    for (unsigned pairs : {1u, 2u, 4u, 64u}) {
        for (unsigned available = 0; available <= 2 * pairs + 3; ++available) {
            const VectorPlan plan = plan_vectors(pairs, available);
            ASSERT_LE(plan.count, available);
            std::set<unsigned> used;
            const auto use = [&](virtio::VectorIndex vector) {
                if (vector.is_none())
                    EXPECT_EQ(plan.count, 0u);
                else
                    used.insert(vector.value);
            };
            use(plan.config);
            use(plan.control);
            for (const VectorPlan::Pair& pair : plan.pairs) use(pair.receive), use(pair.transmit);
            EXPECT_EQ(used.size(), plan.count) << pairs << " pairs, " << available << " vectors";
            for (const unsigned vector : used) EXPECT_LT(vector, plan.count);
        }
    }
}

TEST(NetVectorPlan, NamesTheOwners) {
    const VectorPlan own = plan_vectors(2, 6);
    EXPECT_EQ(own.owner(0), "config");
    EXPECT_EQ(own.owner(1), "control");
    EXPECT_EQ(own.owner(2), "rx-0");
    EXPECT_EQ(own.owner(5), "tx-1");
    const VectorPlan both = plan_vectors(2, 4);
    EXPECT_EQ(both.owner(3), "rxtx-1");
    EXPECT_EQ(plan_vectors(2, 2).owner(0), "config+control");
    EXPECT_EQ(plan_vectors(2, 2).owner(1), "shared");
    EXPECT_EQ(plan_vectors(2, 1).owner(0), "shared");
}

}  // namespace
}  // namespace vmq::net
