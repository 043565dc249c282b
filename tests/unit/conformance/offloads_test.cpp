// Requests for checksums and segments among plain packets, carried out by the device or for it.
#include "tests/unit/conformance/fixture.hpp"
#include "tests/unit/net/ip_packet.hpp"

namespace vmq {
namespace {

class ConformanceOffloads : public Conformance {
protected:
    Device& open_with(virtio::FeatureSet offloads) {
        options.ring_size = 64;
        options.buffers_per_pair = 320;
        return open({.pairs = 1,
                     .config = {.max_queue_pairs = 1},
                     .queue_size = 64,
                     .features = GetParam().features() | offloads,
                     .legacy = GetParam().legacy});
    }
    void exchange(bool offered);
    // Appends a packet of any kind, and what is to go out for it.
    void make_any(QueuePair& pair, Batch& batch) {
        const IpPacket form = random_packet(random_, 1600);
        const software::Frame bytes = form.bytes();
        const std::size_t size = 100 + random_() % 1200;
        const bool fits = bytes.size() <= NumberedPackets::longest;
        ASSERT_TRUE(add_frame(pair, batch, bytes));
        Packet& packet = batch[batch.size() - 1];
        if (fits && random_() % 2 == 0) {
            expected_.push_back(bytes);
        } else if (fits && random_() % 2 == 0) {
            packet.request({.needs_checksum = true});
            expected_.push_back(form.with_whole_checksum());
        } else {
            packet.request({.segmentation = form.segmentation(), .segment_size = static_cast<std::uint16_t>(size)});
            const auto frames = form.payload <= size ? std::vector<software::Frame>{form.with_whole_checksum()}
                                                     : software::carry_out(form.segment_header(size), bytes);
            expected_.insert(expected_.end(), frames.begin(), frames.end());
        }
    }
    void check_sent() {
        for (const software::Frame& frame : device->take_transmitted(0)) {
            ASSERT_LT(seen_, expected_.size());
            EXPECT_EQ(frame, expected_[seen_]) << seen_;
            ++seen_;
        }
    }

    std::minstd_rand random_;
    std::vector<software::Frame> expected_;
    std::size_t seen_ = 0;
};

void ConformanceOffloads::exchange(bool offered) {
    QueuePair pair = open_with(offered ? software::send_offload_features : virtio::FeatureSet{}).take_queue_pair(0);
    expected_.clear();
    seen_ = 0;
    with_lane([](software::Lane& lane) { lane.completion.shuffled = true; });
    Batch batch;
    for (unsigned round = 0; round < 20; ++round) {
        for (std::size_t count = 1 + random_() % 20; count > 0; --count) make_any(pair, batch);
        for (int turn = 0; turn < 100 && !batch.empty(); ++turn) {
            pair.send(batch);
            device->step_notified();
            check_sent();
        }
        ASSERT_TRUE(batch.empty());
    }
    device->step();
    check_sent();
    EXPECT_EQ(seen_, expected_.size());
    const PairStats now = stats(0);
    EXPECT_EQ(now.tx_rejected, 0u);
    EXPECT_EQ(now.tx_faults, 0u);
    EXPECT_EQ(now.tx_software_segments > 50, !offered) << now.tx_software_segments;
}

TEST_P(ConformanceOffloads, RequestsAmongPlainPackets) {
    for (const bool offered : {true, false}) exchange(offered);
}

// 5.1.6.6: each header in a descriptor of its own.
class ConformanceLegacyOffloads : public ConformanceOffloads {};

TEST_P(ConformanceLegacyOffloads, RequestsWithoutAnyLayout) {
    options.refused_features = {"ANY_LAYOUT"};
    for (const bool offered : {true, false}) exchange(offered);
}

INSTANTIATE_TEST_SUITE_P(Forms, ConformanceOffloads, ::testing::ValuesIn(forms(any_form)), form_name);
INSTANTIATE_TEST_SUITE_P(Forms, ConformanceLegacyOffloads,
                         ::testing::ValuesIn(forms([](const Form& form) { return form.legacy; })), form_name);

}  // namespace
}  // namespace vmq
