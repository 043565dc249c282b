// What the tests of changing the number of queue pairs share.
#pragma once

#include "tests/unit/net/fixture.hpp"

namespace vmq {

class NetResize : public NetTest {
protected:
    void SetUp() override { options.ring_size = 64; }

    std::error_code resize(unsigned count, std::string* what = nullptr) {
        return error_of([&] { vmq->set_queue_pairs(count); }, what);
    }
    void expect_pairs(unsigned count) {
        EXPECT_EQ(vmq->queue_pairs(), count);
        const Info info = vmq->info();
        for (const PairInfo& pair : info.pairs)
            EXPECT_EQ(pair.state, pair.pair < count ? PairState::active : PairState::parked) << pair.pair;
    }
    // A packet in and out again.
    void expect_works(QueuePair& pair, unsigned index) {
        Batch batch;
        ASSERT_TRUE(device->inject(index, software::make_frame({index, 1}, 60)));
        ASSERT_EQ(pair.recv(batch), 1u);
        ASSERT_EQ(pair.send(batch), 1u);
        device->step();
        EXPECT_EQ(device->take_transmitted(index).size(), 1u);
    }
};

}  // namespace vmq
